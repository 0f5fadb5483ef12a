import { setImmediate as pause } from 'node:timers/promises';
import { duration, moment, type Fault } from '@gleaner/contracts';
import { simulateAnswer } from '@gleaner/contracts/answers';
import { findAfterCycle, simulate, type SimulatedJob } from '@gleaner/schedule';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import { readJob } from '../core/readJob.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';

const maxJobs = 1_000;
const maxFires = 20_000;
/** Jobs that are read between two pauses: expressions and patterns take a while to compile. */
const readAtOnce = 20;
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
      const jobs = body.jobs === undefined ? await present({ database }) : await read(body.jobs);
      const { fires, jobs: figures, origins, truncated } = await simulate(jobs, { from, until: to, assumedDuration: body.duration, limit: maxFires, pause });
      return json({ from, to, fires, jobs: figures, origins, truncated });
    },
  });

async function present({ database }: Pick<Gateway, 'database'>): Promise<SimulatedJob[]> {
  const jobs = await database.collections.jobs.find({ deleted: { $exists: false }, paused: false }, { sort: { _id: 1 }, limit: maxJobs, projection: { definition: 1 } }).toArray();
  return jobs.map(({ _id, definition }) => ({ id: _id, definition }));
}

/** The jobs as PUT would take them, with every fault of every one; a cycle is looked for among these jobs alone. */
async function read(bodies: readonly { readonly id: string }[]): Promise<SimulatedJob[]> {
  const faults: Fault[] = [];
  const jobs = new Map<string, SimulatedJob & { readonly index: number }>();
  const add = (index: number, own: readonly Fault[]): void => { faults.push(...own.map((fault) => ({ ...fault, path: `jobs.${index}.${fault.path}` }))); };
  for (const [index, body] of bodies.entries()) {
    const parsed = readJob(body.id, body);
    const definition = parsed.ok ? parsed.definition : parsed.readable;
    if (!parsed.ok) add(index, parsed.faults);
    if (jobs.has(body.id)) add(index, [{ path: 'id', code: 'twice', message: `expected each job once; saw ${JSON.stringify(body.id)} again` }]);
    else if (definition) jobs.set(body.id, { id: body.id, definition, index });
    if (index % readAtOnce === readAtOnce - 1) await pause();
  }
  for (const { id, definition: { schedule }, index } of jobs.values()) {
    const cycle = findAfterCycle({ job: id, schedule, scheduleOf: (other) => jobs.get(other)?.definition.schedule });
    if (cycle) add(index, [{ path: 'schedule', code: 'after_cycle', message: `expected no cycle of jobs that fire each other; saw ${cycle.join(' after ')}` }]);
    if (index % readAtOnce === readAtOnce - 1) await pause();
  }
  if (faults.length > 0) throw new ProblemError('bad_job', faults.map(({ path, message }) => `${path}: ${message}`).join('; '), { faults });
  return [...jobs.values()];
}
