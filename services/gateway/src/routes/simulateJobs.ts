import { duration, moment, parseJob, type Fault } from '@gleaner/contracts';
import { simulate, validateSchedule, type SimulatedJob } from '@gleaner/schedule';
import { z } from 'zod';
import { simulateAnswer } from '../answers.ts';
import { ProblemError } from '../core/problem.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';

const maxJobs = 1_000;
const maxFires = 20_000;
const dayMs = 86_400_000;
const longest = 400 * dayMs;

export const simulateJobs = ({ database }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/simulate', scope: 'read', tag: 'jobs', summary: 'Run a set of jobs on a virtual clock: fires, overlaps for an assumed duration, requests per origin. Changes nothing',
    body: z.strictObject({
      jobs: z.array(z.looseObject({ id: z.string() })).min(1).max(maxJobs).optional().meta({ description: 'Jobs as files have them; absent = those that there are.' }),
      from: moment.optional().meta({ description: 'Default now.' }),
      to: moment.optional().meta({ description: 'Default a day after from; at most 400 days.' }),
      duration: duration({ min: 0, max: dayMs }).default(30_000).meta({ description: 'How long every run is taken to last.' }),
    }),
    bodyRules: { maxBytes: 16 * 1024 ** 2, yaml: true },
    answers: { 200: { description: `At most ${maxFires} fires; \`truncated\` says where it stopped short.`, schema: simulateAnswer }, 422: { description: 'Faults, with the number of the job in the path.' } },
    handle: async ({ body }) => {
      const from = body.from === undefined ? database.clock.now() : new Date(body.from);
      const to = body.to === undefined ? new Date(from.getTime() + dayMs) : new Date(body.to);
      if (to <= from || to.getTime() - from.getTime() > longest) {
        const fault: Fault = { path: 'to', code: 'bad_stretch', message: `expected a moment after from (${from.toISOString()}), 400 days at most; saw ${to.toISOString()}` };
        throw new ProblemError('bad_request', `to: ${fault.message}`, { faults: [fault] });
      }
      const jobs = body.jobs === undefined ? await present({ database }) : read(body.jobs);
      const { fires, jobs: figures, origins, truncated } = simulate(jobs, { from, until: to, assumedDuration: body.duration, limit: maxFires });
      return json({ from, to, fires, jobs: figures, origins, truncated });
    },
  });

async function present({ database }: Pick<Gateway, 'database'>): Promise<SimulatedJob[]> {
  const jobs = await database.collections.jobs.find({ deleted: { $exists: false }, paused: false }, { sort: { _id: 1 }, limit: maxJobs, projection: { definition: 1 } }).toArray();
  return jobs.map(({ _id, definition }) => ({ id: _id, definition }));
}

function read(bodies: readonly { readonly id: string }[]): SimulatedJob[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  const jobs = bodies.flatMap((body, index): SimulatedJob[] => {
    const parsed = parseJob(body.id, body);
    const own = parsed.ok ? validateSchedule(parsed.definition.schedule) : parsed.faults;
    if (seen.has(body.id)) own.push({ path: 'id', code: 'twice', message: `expected each job once; saw ${JSON.stringify(body.id)} again` });
    seen.add(body.id);
    faults.push(...own.map((fault) => ({ ...fault, path: `jobs.${index}.${fault.path}` })));
    return parsed.ok ? [{ id: body.id, definition: parsed.definition }] : [];
  });
  if (faults.length > 0) throw new ProblemError('bad_job', faults.map(({ path, message }) => `${path}: ${message}`).join('; '), { faults });
  return jobs;
}
