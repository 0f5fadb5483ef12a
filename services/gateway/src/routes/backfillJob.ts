import { maxAttempts, moment, unendedStates, type RunState } from '@gleaner/contracts';
import { backfillAnswer } from '@gleaner/contracts/answers';
import { newRun, type Database, type JobDocument } from '@gleaner/database';
import { firesBetween } from '@gleaner/schedule';
import { ulid } from 'ulid';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { expectJob, jobParams } from './jobParams.ts';

/** Beyond it the stretch is asked for in parts: nobody makes a million runs by a slip of the year. */
const maxFires = 10_000;

/** Runs that the leader and the live view are told of at once: few can start at once, and the leader's next scan finds the others. */
const announced = 50;

/** States that answer for a fire: another run of it would bring nothing new. */
const answering: readonly RunState[] = ['succeeded', 'unchanged', ...unendedStates];

export const backfillJob = ({ database, messenger }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/jobs/:job/backfill', scope: 'operate', tag: 'runs',
    summary: 'Run the fires of a past stretch that have no good run yet; they go `limits.concurrency` at once, are never skipped and make no fire skip',
    params: jobParams,
    body: z.strictObject({ from: moment.meta({ description: 'Inclusive.' }), to: moment.meta({ description: 'Inclusive; not in the future.' }), dryRun: z.boolean().default(false) }),
    answers: { 200: { description: 'dryRun: how many it would be.', schema: backfillAnswer }, 202: { description: 'Made; asked again, only what is still missing is made.', schema: backfillAnswer } },
    audit: { action: 'job.backfill', target: ({ params }) => params['job'] ?? '' },
    handle: async ({ params, body, principal, choose }) => {
      const job = await expectJob({ database, id: params.job });
      const now = database.clock.now();
      const [from, to] = [new Date(body.from), new Date(body.to)];
      if (to < from || to > now) {
        const fault = { path: 'to', code: 'bad_stretch', message: `expected a moment from ${body.from} to now (${now.toISOString()}); saw ${body.to}` };
        throw new ProblemError('bad_request', `to: ${fault.message}`, { faults: [fault] });
      }
      const { fires, more } = firesBetween(job.definition.schedule, { from, to, limit: maxFires });
      if (more) {
        const fault = { path: 'to', code: 'too_many_fires', message: `expected at most ${maxFires} fires in a stretch; ask for it in parts` };
        throw new ProblemError('bad_request', `to: ${fault.message}`, { faults: [fault] });
      }
      const missing = await choose(async () => {
        const answered = await answeredFires({ database, job, fires });
        return fires.filter((at) => !answered.has(at.getTime())).map((at): Missing => ({ run: `${job._id}@${at.toISOString()}~${ulid(now.getTime())}`, at }));
      });
      if (body.dryRun) return json({ dryRun: true, fires: fires.length, there: fires.length - missing.length, made: 0, runs: [] });
      const runs = await insertMissing({ database, job, missing, now, requestedBy: principal.name });
      for (const run of runs.slice(0, announced)) messenger.announceRun({ _id: run, job: job._id, state: 'due', rev: 1 });
      return json({ dryRun: false, fires: fires.length, there: fires.length - runs.length, made: runs.length, runs }, { status: 202, headers: { location: `/v1/runs?job=${job._id}&trigger=backfill` } });
    },
  });

/** A fire that no run answers for, with the id of the run that will. */
interface Missing {
  readonly run: string;
  readonly at: Date;
}

/** The fires of this dataset that a run answers for, by their moment. */
async function answeredFires({ database, job, fires }: { readonly database: Database; readonly job: JobDocument; readonly fires: readonly Date[] }): Promise<Set<number>> {
  const [first, last] = [fires[0], fires.at(-1)];
  if (first === undefined || last === undefined) return new Set();
  const planned = new Set(fires.map((at) => at.getTime()));
  const rows = await database.collections.runs
    .find({ job: job._id, dataset: job.dataset, scheduledAt: { $gte: first, $lte: last }, state: { $in: [...answering] } }, { projection: { scheduledAt: 1 } }).toArray();
  return new Set(rows.map(({ scheduledAt }) => scheduledAt.getTime()).filter((at) => planned.has(at)));
}

/**
 * Inserts the runs that are still missing, and gives the ids of those that are there by now, made just now or by an earlier try of this very command.
 * Two that ask at once for the same stretch: the second sees the runs of the first, because both begin by writing the same document.
 */
async function insertMissing({ database, job, missing, now, requestedBy }: { readonly database: Database; readonly job: JobDocument; readonly missing: readonly Missing[]; readonly now: Date; readonly requestedBy: string }): Promise<string[]> {
  if (missing.length === 0) return [];
  return await database.transaction(async (session) => {
    // The write makes one of two transactions start over; what it writes says nothing.
    await database.db.collection<{ _id: string; n: number }>('meta').updateOne({ _id: `backfill:${job.dataset}` }, { $inc: { n: 1 } }, { upsert: true, session });
    const { runs } = database.collections;
    const own = new Set((await runs.find({ _id: { $in: missing.map(({ run }) => run) } }, { projection: { _id: 1 }, session }).toArray()).map(({ _id }) => _id));
    const rows = await runs
      .find({ job: job._id, dataset: job.dataset, scheduledAt: { $in: missing.map(({ at }) => at) }, state: { $in: [...answering] } }, { projection: { scheduledAt: 1 }, session }).toArray();
    const there = new Set(rows.map(({ scheduledAt }) => scheduledAt.getTime()));
    const made = missing.filter(({ run, at }) => !own.has(run) && !there.has(at.getTime()));
    if (made.length > 0) {
      await runs.insertMany(made.map(({ run: id, at: scheduledAt }) => newRun({
        id, job, trigger: 'backfill', scheduledAt, now, dueAt: now, maxAttempts: maxAttempts(job.definition), extra: { requestedBy },
      })), { session });
    }
    const mine = new Set([...own, ...made.map(({ run }) => run)]);
    return missing.flatMap(({ run }) => (mine.has(run) ? [run] : []));
  });
}
