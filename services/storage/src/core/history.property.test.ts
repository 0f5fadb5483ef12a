import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allKeys, steps, type Step } from '../testing/deliveries.ts';
import { MemoryHistory } from '../testing/memoryHistory.ts';
import { NaiveHistory } from '../testing/naiveHistory.ts';
import type { LayoutLimits } from './planNewest.ts';

const layouts: readonly LayoutLimits[] = [
  { epochShare: 2, epochMinimum: 99, mostChanges: 99, mostBytes: 1e9, logBytes: 1e9, logShare: 1, logMinimum: 999, generationShare: 2, generationMinimum: 99 }, // one epoch for ever
  { epochShare: 0.5, epochMinimum: 2, mostChanges: 99, mostBytes: 1e9, logBytes: 700, logShare: 1, logMinimum: 3, generationShare: 0.5, generationMinimum: 2 },
  { epochShare: 0, epochMinimum: 1, mostChanges: 99, mostBytes: 1e9, logBytes: 1e9, logShare: 1, logMinimum: 0, generationShare: 2, generationMinimum: 99 }, // an epoch for each change, items one by one
];

/** Plays the steps against both and compares everything that can be read, at and between all positions. */
async function play(all: readonly Step[], limits: LayoutLimits): Promise<void> {
  const naive = new NaiveHistory();
  const memory = new MemoryHistory(limits);
  for (const step of all) {
    if (step.do === 'deliver') {
      const expected = naive.apply(step.delivered);
      expect(await memory.apply(step.delivered)).toBe(expected);
    } else if (step.do === 'sweep') {
      const readable = naive.readable();
      const horizon = readable[Math.floor(step.share * readable.length)]?.position;
      if (horizon === undefined) continue;
      naive.horizon = horizon;
      memory.sweep(horizon);
    }
    await compare(naive, memory);
  }
}

async function compare(naive: NaiveHistory, memory: MemoryHistory): Promise<void> {
  const readable = naive.readable();
  const offset = naive.kept.length - readable.length;
  expect(memory.rows.map(({ position, counts }) => [position, counts])).toEqual(readable.map(({ position }, index) => [position, naive.counts(offset + index)]));
  for (const { position } of readable) {
    const expected = byKey(naive.stateAt(position)).map(([key, { hash, data }]) => [key, hash, data, naive.since(key, position)]);
    const state = await memory.stateAt(position);
    expect(byKey(state).map(([key, { hash, data, since }]) => [key, hash, data, since])).toEqual(expected);
    if (position === readable.at(-1)?.position) expect(byKey(memory.items).map(([key, { hash, data, since }]) => [key, hash, data, since])).toEqual(expected);
  }
  for (const key of allKeys) expect(memory.history(key)).toEqual(naive.history(key));
}

const byKey = <T>(map: ReadonlyMap<string, T>): [string, T][] => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));

describe('the history', () => {
  it.each(layouts.map((limits, index) => ({ index, limits })))('equals a store that keeps every snapshot whole, in any order of arrival, swept at any time (layout $index)', async ({ limits }) => {
    await fc.assert(fc.asyncProperty(steps(), (all) => play(all, limits)), { numRuns: 1_500 });
  }, 300_000);

  it.each([
    ['no restore', ['1', {}], ['2', {}], ['1.5', { a: 1 }]],
    ['a restore writes the old value', ['1', {}], ['2', { a: 1 }], ['1.5', { a: 2 }]],
    ['partial remembers changed keys only', ['1', { a: 1 }, 'p'], ['3', { a: 1 }, 'p'], ['2', { a: 2 }, 'p']],
    ['a partial successor treated as whole', ['2', {}, 'p'], ['1', { a: 1 }, 'p']],
    ['one row ahead only', ['1', {}, 'p'], ['2', {}, 'p'], ['0', { a: 1 }, 'p']],
    ['compared with the items', ['3', {}], ['1', { a: 1 }], ['2', {}]],
    ['late before the first', ['2', { a: 1 }], ['1', { a: 1 }]],
    ['a duplicate told by its position', ['1', { a: 1 }, 'run'], ['3', { a: 3 }], ['2', { a: 2 }, 'run']],
    ['all entries up to the horizon trimmed', ['1', { a: 1 }], ['2', { a: 2 }], ['3', { a: 2 }], 1 / 3],
    ['the epoch before the horizon dropped', ['1', { a: 1, b: 1 }], ['2', { a: 2, b: 1 }], ['3', { a: 2, b: 2 }], 0.5],
    ['history of the oldest epoch from its keyframe', ['1', { a: 1 }], ['2', {}], ['3', {}], ['4', { a: 1 }], 0.5],
  ] as [string, ...(number | [string, Record<string, number>, ('p' | 'run')?])[]][])('holds where simpler rules break: %s', async (_, ...moves) => {
    const all = moves.map((move, index): Step => {
      if (typeof move === 'number') return { do: 'sweep', share: move };
      const [moment, values, how] = move;
      const run = how === 'run' ? 'job@run' : `job@${index}`;
      return { do: 'deliver', delivered: { run, position: `${moment}|${run}`, kind: how === 'p' ? 'partial' : 'whole', content: new Map(Object.entries(values).map(([key, value]) => [key, { hash: `h${value}`, data: value }])) } };
    });
    for (const limits of layouts) await play(all, limits);
  });
});
