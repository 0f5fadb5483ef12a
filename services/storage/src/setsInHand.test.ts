import { describe, expect, it } from '@jest/globals';
import type { Batch, CompleteReport } from '@gleaner/contracts';
import { done } from '@gleaner/broker';
import { findRun } from '@gleaner/database';
import { until } from '../../../test/support/until.ts';
import { messages, withStorage } from './testing/withStorage.ts';
import { createSetsInHand, type SetInHand } from './setsInHand.ts';

const batch = (seq: number, attempt = 'A'): Batch => ({ attempt, seq, items: [] }) as unknown as Batch;
const complete = (batches: number, attempt = 'A'): CompleteReport => ({ attempt, batches }) as CompleteReport;

describe('a set in hand', () => {
  it('is settled once when it is whole, and every message that waited learns of it', async () => {
    const settled: SetInHand[] = [];
    const sets = createSetsInHand({ settle: async (set) => { settled.push(set); return done(); }, most: 10, holdMs: 60_000 });
    const held = [sets.holdBatch(batch(2)), sets.holdComplete(complete(3)), sets.holdBatch(batch(0)), sets.holdBatch(batch(2)), sets.holdBatch(batch(1))];
    expect(await Promise.all(held)).toEqual(Array.from({ length: 5 }, () => ({ kind: 'settled', outcome: done() })));
    expect(settled.map(({ batches }) => batches.map(({ seq }) => seq))).toEqual([[0, 1, 2]]);
    expect(sets.size).toBe(0);
  });

  it('is given up when the rest does not come, and its later messages are not held', async () => {
    const sets = createSetsInHand({ settle: async () => done(), most: 10, holdMs: 1, steadyMs: 1 });
    expect(await sets.holdBatch(batch(0))).toEqual({ kind: 'keep' });
    expect(await sets.holdComplete(complete(1))).toEqual({ kind: 'keep' });
  });

  it('waits longer while all that came before is here than when a message went elsewhere', async () => {
    const sets = createSetsInHand({ settle: async () => done(), most: 10, holdMs: 1, steadyMs: 60_000 });
    const steady = [sets.holdBatch(batch(0)), sets.holdBatch(batch(1))];
    const split = [sets.holdBatch(batch(0, 'B')), sets.holdBatch(batch(2, 'B'))];
    expect(await Promise.all(split)).toEqual([{ kind: 'keep' }, { kind: 'keep' }]);
    expect(sets.size).toBe(2);
    const held = sets.holdComplete(complete(2));
    expect(await Promise.all([...steady, held])).toEqual(Array.from({ length: 3 }, () => ({ kind: 'settled', outcome: done() })));
  });

  it('is given up when too many wait, so that the consumer never stands still', async () => {
    const sets = createSetsInHand({ settle: async () => done(), most: 2, holdMs: 60_000 });
    const held = [sets.holdBatch(batch(0)), sets.holdBatch(batch(1)), sets.holdBatch(batch(2))];
    expect(await Promise.all(held)).toEqual(Array.from({ length: 3 }, () => ({ kind: 'keep' })));
    expect(await sets.holdComplete(complete(2, 'B'))).toEqual({ kind: 'keep' });
  });

  it('that fails, fails for every message', async () => {
    const sets = createSetsInHand({ settle: async () => { throw new Error('no'); }, most: 10, holdMs: 60_000 });
    const held = await Promise.allSettled([sets.holdBatch(batch(0)), sets.holdComplete(complete(1))]);
    expect(held.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(sets.size).toBe(0);
  });

  it('is applied from memory; what was split over two storages is kept and applied all the same', () => withStorage(async (test) => {
    const job = await test.job();
    const [whole, split] = [await test.run(job, '1'), await test.run(job, '2')];
    const [one, two] = [test.another({}, 10), test.another({}, 10)];
    let kept = 0;
    const watched = { ...one, onStep: (step: string) => { if (step === 'before a batch is kept') kept += 1; } };
    await Promise.all(messages.set(whole, { a: 1, b: 2, c: 3 }, { batches: 3 }).map((message) => test.handle(message, watched)));
    expect(await findRun({ database: test.database, run: whole._id })).toMatchObject({ state: 'succeeded', counts: { added: 3 } });
    expect(kept).toBe(0);
    await Promise.all(messages.set(split, { a: 1, b: 2, c: 4 }, { batches: 3 }).map((message, index) => test.handle(message, index % 2 === 0 ? one : two)));
    await until(async () => (await findRun({ database: test.database, run: split._id }))?.state === 'succeeded');
    expect(await findRun({ database: test.database, run: split._id })).toMatchObject({ counts: { changed: 1, unchanged: 2 } });
  }));
});

describe('a set that was kept', () => {
  it('is read by one message alone, although all of them find it whole at once: a large one would be in memory many times', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1');
    const { batches } = test.history;
    let reads = 0;
    const counting = new Proxy(batches, { get: (target, name) => {
      if (name === 'find') reads += 1;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    } });
    const parts = test.another({ history: { ...test.history, batches: counting } });
    const set = messages.set(run, { a: 1, b: 2, c: 3 }, { batches: 3 });
    for (const message of set) await test.handle(message, test.another({ turns: { run: async () => done() as never } })); // all kept, none applied
    expect(await Promise.all([...set, ...set].map((message) => test.handle(message, parts)))).toEqual(Array.from({ length: 8 }, () => done()));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'succeeded', counts: { added: 3 } });
    expect(reads).toBe(1);
  }));
});
