import { describe, expect, it } from '@jest/globals';
import type { Validators } from '@gleaner/contracts';
import fc from 'fast-check';
import { withServer } from '../../../test/support/withServer.ts';
import type { SentItem } from './core/createItemSet.ts';
import type { AttemptInput, AttemptOutcome } from './createRunAttempt.ts';
import { createTestRunAttempt, inputOf } from './testing/testAttempt.ts';

type Complete = Extract<AttemptOutcome, { kind: 'complete' }>;
type Sent = { readonly k: string; readonly h: string; readonly d: unknown } | { readonly k: string; readonly gone: true };

/** An answer's records: few keys and values, so that they come back, change, double and leave. */
const record = fc.record({ id: fc.integer({ min: 1, max: 6 }), price: fc.constantFrom<unknown>(1, 2, '2', 'N/A', -0, 12345678901234567890n), shown: fc.boolean() });
/** A list without any is told by every format but the one of lines. */
const answersIn = (format: string) => fc.array(fc.array(record, { minLength: format === 'ndjson' ? 1 : 0, maxLength: 9 }), { minLength: 2, maxLength: 6 });
/** So that a body is read in more than one part. */
const padding = ' '.repeat(40_000);

const numbers = (records: readonly object[]): string[] => records.map((one) => `{${Object.entries(one).map(([name, value]) => `"${name}":${Object.is(value, -0) ? '-0' : typeof value === 'bigint' ? value : JSON.stringify(value)}`).join(', ')}}`);
const formats: Record<string, (records: readonly { id: number; price: unknown; shown: boolean }[], between: string) => string> = {
  json: (records, between) => `{"list":[${numbers(records).join(` ,${between}`)}]}`,
  ndjson: (records, between) => `${numbers(records).join(`\n${between}`)}\n`,
  csv: (records) => `id,price,shown\n${records.map(({ id, price, shown }) => `${id},${String(price)},${shown}`).join('\n')}\n${'\n'.repeat(70_000)}`,
};
const jobs: Record<string, object> = {
  plain: {},
  filtered: { where: { shown: { $in: [true, 'true'] } } },
  mapped: { fields: { price: { path: 'price', type: 'number' }, shown: 'shown' } },
  'filtered by a pattern': { where: { price: { $not: { $regex: '^N' } } } },
};

const sentBy = (outcome: AttemptOutcome): Complete => {
  if (outcome.kind !== 'complete') throw new Error(`expected a complete attempt; saw ${JSON.stringify(outcome)}`);
  return outcome;
};
const itemsOf = (items: readonly SentItem[]): Sent[] => items.map(({ text }) => JSON.parse(text) as Sent);

/** What storage makes of it: all there is, or the snapshot before with the changes in it. */
function stateAfter(before: ReadonlyMap<string, Sent>, items: readonly Sent[]): Map<string, Sent> {
  const state = new Map(before);
  for (const item of items) {
    if ('gone' in item) state.delete(item.k);
    else state.set(item.k, item);
  }
  return state;
}
const sorted = (state: ReadonlyMap<string, Sent>) => [...state].toSorted(([a], [b]) => (a < b ? -1 : 1));

describe('an attempt that remembers the snapshot before', () => {
  it.each(Object.keys(formats).flatMap((format) => Object.keys(jobs).map((job) => [format, job] as const)))('sends what gives the same items as one that remembers nothing: %s, %s', async (format, job) => {
    let body = '';
    await withServer((_request, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end(body), async ({ url }) => {
      const known = await createTestRunAttempt({ passOnChars: 1 });
      const forgetful = await createTestRunAttempt();
      const { signal } = new AbortController();
      let datasets = 0;
      let spared = 0;
      let passedOn = 0;
      try {
        await fc.assert(fc.asyncProperty(answersIn(format), async (all) => {
          const dataset = `d${(datasets += 1)}`;
          const input: AttemptInput = { ...inputOf({ source: { http: { url } }, format, key: 'id', ...(format === 'json' ? { items: 'list' } : {}), ...jobs[job] }), dataset, extractionHash: 'x' };
          let validators: Validators | undefined;
          let state = new Map<string, Sent>();
          for (const [index, records] of all.entries()) {
            body = formats[format]?.(records, padding) ?? '';
            const run = `job@${index}`;
            const whole = sentBy(await forgetful.runAttempt(input, { signal }));
            const ahead: Sent[] = [];
            const outcome = await known.runAttempt({ ...input, ...(validators ? { validators } : {}) }, { signal, onItems: async (items) => { ahead.push(...itemsOf(items)); } });
            passedOn += ahead.length;
            if (outcome.kind === 'unchanged') {
              expect(whole.validators?.bodyHash).toBe(validators?.bodyHash);
              known.snapshots.again({ dataset, base: outcome.base, run });
            } else {
              const sent = sentBy(outcome);
              expect(sent.base).toBe(validators?.run);
              expect(sent.counts).toEqual(whole.counts);
              expect(sent.warnings).toEqual(whole.warnings);
              const before = state;
              const all = [...ahead, ...itemsOf(sent.items)];
              state = stateAfter(sent.base === undefined ? new Map() : before, all);
              expect(sorted(state)).toEqual(sorted(stateAfter(new Map(), itemsOf(whole.items))));
              // What changed and changed back under one key is said again; nothing else is that is as it was.
              for (const item of all) if (sent.base !== undefined && sent.counts.duplicates === 0) expect(before.get(item.k)).not.toEqual('gone' in item ? undefined : item);
              spared += itemsOf(whole.items).filter(({ k }) => all.every((item) => item.k !== k)).length;
              if (sent.snapshot && sent.validators) known.snapshots.put({ dataset, extractionHash: 'x', run, bodyHash: sent.validators.bodyHash, snapshot: sent.snapshot });
            }
            validators = { run, bodyHash: whole.validators?.bodyHash ?? '' };
          }
        }), { numRuns: 40 });
        expect(spared).toBeGreaterThan(0);
        expect(passedOn).toBeGreaterThan(0);
      } finally {
        await Promise.all([known.close(), forgetful.close()]);
      }
    });
  }, 60_000);
});
