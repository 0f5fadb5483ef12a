import { askedRunId, maxAttempts, stableHash } from '@gleaner/contracts';
import { runSchema } from '@gleaner/contracts/answers';
import { findJob, isDuplicateKey, newRun, type Database, type RunDocument } from '@gleaner/database';
import { ulid } from 'ulid';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import { runAnswer } from '../core/runAnswer.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { readIdempotencyKey } from '../http/readIdempotencyKey.ts';
import { defineRoute } from '../http/route.ts';
import { jobParams } from './jobParams.ts';

const maxParamsBytes = 64 * 1024;

export const startRun = ({ database, messenger }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/jobs/:job/runs', scope: 'operate', tag: 'runs', summary: 'Run now, also while paused; waits where another run of the job is under way',
    params: jobParams,
    body: z.strictObject({ params: z.record(z.string().min(1).max(256), z.json()).optional().meta({ description: 'Fills {{ params.x }}, or a task\'s params over the job\'s.' }) })
      .refine(({ params }) => params === undefined || JSON.stringify(params).length <= maxParamsBytes, { path: ['params'], message: `expected at most ${maxParamsBytes} bytes of params` }),
    bodyRules: { optional: true, maxBytes: 2 * maxParamsBytes },
    idempotency: 'own',
    headers: { 'Idempotency-Key': 'The same key asks for the same run again: it is made once.' },
    answers: { 202: { description: 'The run waits for its turn; `Location` says where to look.', schema: runSchema } },
    audit: { action: 'run.start', target: ({ params }) => params['job'] ?? '' },
    handle: async ({ params: { job: id }, body, header, principal }) => {
      const idempotencyKey = readIdempotencyKey(header('idempotency-key'));
      const run = await insertAsked({ database, id, ...(body.params ? { params: body.params } : {}), requestedBy: principal.name, idempotencyKey: idempotencyKey && `${principal.id}:${idempotencyKey}` });
      messenger.announceRun(run);
      return json(runAnswer(run), { status: 202, headers: { location: `/v1/runs/${run._id}` } });
    },
  });

/** Inserts the run, or finds the one that the same idempotency key made. */
async function insertAsked({ database, id, params, requestedBy, idempotencyKey }: {
  readonly database: Database; readonly id: string; readonly params?: Readonly<Record<string, unknown>>; readonly requestedBy: string; readonly idempotencyKey: string | undefined;
}): Promise<RunDocument> {
  const insert = async (): Promise<RunDocument> => {
    const job = await findJob({ database, id });
    if (job === null) throw new ProblemError('not_found', `there is no job ${JSON.stringify(id)}`);
    const now = database.clock.now();
    const run = newRun({
      id: askedRunId(id, ulid(now.getTime())), job, trigger: 'manual', scheduledAt: now, now, inputs: params ? { params } : {}, maxAttempts: maxAttempts(job.definition), expires: job.definition.schedule.expires,
      extra: { requestedBy, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) },
    });
    await database.collections.runs.insertOne(run);
    return run;
  };
  const standing = idempotencyKey === undefined ? null : await database.collections.runs.findOne({ job: id, idempotencyKey });
  const found = standing ?? (await insert().catch(async (error: unknown) => {
    // Another request with the same key was quicker.
    const other = isDuplicateKey(error) && idempotencyKey !== undefined ? await database.collections.runs.findOne({ job: id, idempotencyKey }) : null;
    if (other === null) throw error;
    return other;
  }));
  if (idempotencyKey !== undefined && stableHash(found.inputs.params ?? {}) !== stableHash(params ?? {}))
    throw new ProblemError('idempotency_conflict', 'this Idempotency-Key asked for a run with other params before; use a new key', { extra: { run: found._id } });
  return found;
}
