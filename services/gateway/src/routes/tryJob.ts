import { extractionOf, type TryAnswer } from '@gleaner/contracts';
import { tryAnswer } from '@gleaner/contracts/answers';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import { wholeNumber } from '../core/queryFields.ts';
import { readJob } from '../core/readJob.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { readTryInputs } from '../readTryInputs.ts';

const limitMs = 25_000;
/** A little more than the attempt may last, so that its fault arrives before we give up. */
const deadlineMs = limitMs + 3_000;

export const tryJob = ({ database, messenger }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/try', scope: 'write', tag: 'jobs', summary: 'Fetch and extract now with the job in the body, and store nothing: sample items, counts, faults',
    query: z.strictObject({
      sample: wholeNumber({ min: 0, max: 100 }).default(20).meta({ description: 'Items to show.' }),
      params: z.string().max(8_192).optional().meta({ description: 'JSON object that fills {{ params.x }}.' }),
    }),
    body: z.unknown(), bodyRules: { yaml: true },
    answers: { 200: { description: 'What came of it; `ok: false` has the failure as its first fault. `forEach` and `trigger` are filled from the newest snapshots of the jobs that they name (`trigger` with the first items where the newest changed nothing).', schema: tryAnswer }, 503: { description: '`broker_unavailable` or `collector_unavailable`: nobody tried it.' } },
    handle: async ({ body, query, gone }) => {
      // A job that is only tried need not have a name yet.
      const id = typeof body === 'object' && body !== null && 'id' in body && typeof body.id === 'string' ? body.id : 'try';
      const read = readJob(id, body);
      if (!read.ok) throw new ProblemError('bad_job', read.faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '), { faults: read.faults });
      const params = readParams(query.params);
      const { definition } = read;
      const inputs = await readTryInputs({ database, definition });
      if (!inputs.ok) return json({ ok: false, request: { bytes: 0, durationMs: 0 }, counts: { received: 0, kept: 0, duplicates: 0 }, sample: [], faults: [inputs.fault], requests: 0 } satisfies TryAnswer);
      const answer = await messenger.tryJob({
        request: { v: 1, source: definition.source, extraction: extractionOf(definition), limitMs, sample: query.sample, inputs: { ...inputs.inputs, ...(params ? { params } : {}) } }, deadlineMs, signal: gone(),
      });
      return json(answer);
    },
  });

function readParams(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // falls through to the same problem: it is no JSON object
  }
  throw new ProblemError('bad_query', 'params: expected a JSON object', { faults: [{ path: 'params', code: 'not_an_object', message: 'expected a JSON object' }] });
}
