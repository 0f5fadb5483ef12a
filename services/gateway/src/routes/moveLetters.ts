import { jobId, queues } from '@gleaner/contracts';
import { lettersMovedAnswer } from '@gleaner/contracts/answers';
import { discardLetters as discard, requestReplay, type Database, type Filter, type LetterDocument } from '@gleaner/database';
import { z } from 'zod';
import { letterFilter } from '../core/letterFilter.ts';
import { ProblemError } from '../core/problem.ts';
import { when } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';

/** Letters that one request may move: beyond it the request is repeated, so that nobody moves a million by a slip. */
const maxLetters = 10_000;

const selection = {
  ids: z.array(z.string().min(1).max(200)).min(1).max(maxLetters).optional(),
  filter: z.strictObject({ queue: z.string().max(100).optional(), job: jobId.optional(), run: z.string().max(200).optional(), class: z.string().max(100).optional(), since: when.optional(), until: when.optional() }).optional(),
  dryRun: z.boolean().default(false).meta({ description: 'Only say which letters it would be.' }),
};
const exactlyOne = ({ ids, filter }: { readonly ids?: unknown; readonly filter?: unknown }): boolean => (ids === undefined) !== (filter === undefined);
const exactlyOneSaid = 'expected ids or filter, and only one of them ({"filter": {}} = all that are parked)';
const answers = {
  409: { description: '`job_deleted`: the letters asked for are all of deleted jobs.' },
  200: { description: 'dryRun: the letters it would be.', schema: lettersMovedAnswer }, 202: { description: `Marked; at most ${maxLetters} at once, oldest first. Letters that are not parked (any more) are left alone.`, schema: lettersMovedAnswer } };

export const replayLetters = ({ database, messenger }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/dead-letters/replay', scope: 'operate', tag: 'dead letters', summary: 'Give letters another chance; asked twice, the effect comes once',
    body: z.strictObject({
      ...selection,
      rate: z.number().positive().max(100_000).optional().meta({ description: 'Letters per minute; absent = all at once.' }),
      as: z.literal('original').optional().meta({ description: 'Failed runs run again with the job version they had; absent = with the present one.' }),
    }).refine(exactlyOne, { message: exactlyOneSaid }),
    answers,
    audit: { action: 'letters.replay' },
    handle: async ({ body, principal, choose }) => {
      const { ids, jobDeleted } = await choose(async () => await withoutDeleted({ database, ids: await frozenIds({ database, ...body }) }));
      if (ids.length === 0 && jobDeleted > 0 && body.ids !== undefined) throw new ProblemError('job_deleted', 'the jobs of these letters are deleted: their old runs stay as they are');
      const left = jobDeleted > 0 ? { jobDeleted } : {};
      if (body.dryRun) return json({ dryRun: true, matched: ids.length, ids, marked: 0, ...left });
      const start = database.clock.now().getTime();
      // With a rate, as many letters share a moment as the rate has in a second.
      const together = body.rate === undefined ? ids.length : Math.max(1, Math.floor(body.rate / 60));
      const parts = Array.from({ length: Math.ceil(ids.length / Math.max(1, together)) }, (_, part) => ({
        filter: { _id: { $in: ids.slice(part * together, (part + 1) * together) } },
        ...(body.rate === undefined ? {} : { notBefore: new Date(start + Math.round(((part * together) / body.rate) * 60_000)) }),
      }));
      const marked = await requestReplay({ database, parts, by: principal.name, as: body.as });
      if (marked > 0) messenger.announceCommand('replay');
      return json({ dryRun: false, matched: ids.length, ids, marked, ...left }, { status: 202 });
    },
  });

export const discardLetters = ({ database }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/dead-letters/discard', scope: 'operate', tag: 'dead letters', summary: 'Give letters up; they stay readable',
    body: z.strictObject(selection).refine(exactlyOne, { message: exactlyOneSaid }),
    answers,
    audit: { action: 'letters.discard' },
    handle: async ({ body, choose }) => {
      const ids = await choose(async () => await frozenIds({ database, ...body }));
      if (body.dryRun) return json({ dryRun: true, matched: ids.length, ids, marked: 0 });
      return json({ dryRun: false, matched: ids.length, ids, marked: await discard({ database, filter: { _id: { $in: ids } } }) }, { status: 202 });
    },
  });

/** The letters meant, decided now: what dies while a replay goes on is not taken along. */
async function frozenIds({ database, ids, filter }: { readonly database: Database; readonly ids?: readonly string[] | undefined; readonly filter?: Readonly<Record<string, unknown>> | undefined }): Promise<string[]> {
  const chosen = ids === undefined ? letterFilter(filter ?? {}) : { _id: { $in: [...ids] } };
  const query = { $and: [chosen, { state: 'parked', replay: { $exists: false } }] } as Filter<LetterDocument>;
  return (await database.collections.deadLetters.find(query, { sort: { deadAt: 1, _id: 1 }, limit: maxLetters, projection: { _id: 1 } }).toArray()).map(({ _id }) => _id);
}

/** Runs of a job that is deleted (or was made again since) are never run again; their letters are left alone, and counted. */
async function withoutDeleted({ database, ids }: { readonly database: Database; readonly ids: readonly string[] }): Promise<{ ids: string[]; jobDeleted: number }> {
  const letters = await database.collections.deadLetters.find({ _id: { $in: [...ids] }, queue: queues.collect, job: { $exists: true } }, { projection: { job: 1, dataset: 1, run: 1 } }).toArray();
  const jobs = [...new Set(letters.flatMap(({ job }) => (job === undefined ? [] : [job])))];
  const living = await database.collections.jobs.find({ _id: { $in: jobs }, deleted: { $exists: false } }, { projection: { dataset: 1 } }).toArray();
  const datasetOf = new Map(living.map(({ _id, dataset }) => [_id, dataset]));
  const gone = new Set(letters.filter(({ job, dataset }) => job !== undefined && (dataset === undefined ? !datasetOf.has(job) : datasetOf.get(job) !== dataset)).map(({ _id }) => _id));
  return { ids: ids.filter((id) => !gone.has(id)), jobDeleted: gone.size };
}
