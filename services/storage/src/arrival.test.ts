import { describe, expect, it } from '@jest/globals';
import { findRun, moveRun, readItems, readSnapshots, type RunDocument } from '@gleaner/database';
import { executeDecisions, expireQuarantine } from './executeDecisions.ts';
import { failRun } from './failRun.ts';
import { moveHorizon } from './sweep/moveHorizon.ts';
import { messages, withStorage, type StorageTest } from './testing/withStorage.ts';

const began = Date.now();
/** One origin for all: a slow machine must not turn their order round. */
const ago = (seconds: number): Date => new Date(began - seconds * 1_000);
const keysOf = async ({ database }: StorageTest, dataset: string): Promise<string> => (await readItems({ database, dataset, limit: 100 })).items.map((item) => item.key).join('');
const stateOf = async ({ database }: StorageTest, { _id }: RunDocument) => {
  const { state, reason } = (await findRun({ database, run: _id })) ?? {};
  return reason === undefined ? state : `${state} ${reason}`;
};
const decide = ({ database }: StorageTest, { _id }: RunDocument, accept: boolean) => database.collections.runs.updateOne({ _id, decision: { $exists: false } }, { $set: { decision: { accept, by: 'a person', at: new Date() } } });

describe('a result of an older version of its job than its run is asked for with', () => {
  it('is what that version says: partial where it was', () => withStorage(async (test) => {
    const job = await test.job({ partial: true });
    await test.handle(messages.complete(await test.run(job, '1'), { a: 1, b: 1, c: 1 }, { observedAt: ago(30), extractionHash: 'x1' }));
    const second = await test.job({ partial: false });
    const run = await test.run(job, '2', { state: 'due' });
    await test.database.collections.runs.updateOne({ _id: run._id }, { $set: { jobVersion: second.version } });
    await test.handle(messages.complete(run, { a: 2 }, { observedAt: ago(20), extractionHash: 'x1' }));
    expect([await keysOf(test, job.dataset), await stateOf(test, run)]).toEqual(['abc', 'succeeded']);
    expect((await readSnapshots({ database: test.database, dataset: job.dataset, limit: 1 })).snapshots).toMatchObject([{ kind: 'partial', jobVersion: 1 }]);
  }));

  it('does not turn newer data back, nor end the run that the newer version was asked for', () => withStorage(async (test) => {
    const job = await test.job();
    const slow = await test.run(job, 'slow', { state: 'due' });
    const second = await test.job({ title: 'two' });
    await test.handle(messages.complete(await test.run(second, '1'), { b: 1 }, { observedAt: ago(30), extractionHash: 'x2' }));
    const { runs } = test.database.collections;
    await runs.updateOne({ _id: slow._id }, { $set: { jobVersion: second.version } });
    expect(await test.handle(messages.complete(slow, { a: 1 }, { observedAt: ago(20), extractionHash: 'x1' }))).toEqual({ kind: 'done' });
    expect([await keysOf(test, job.dataset), await stateOf(test, slow)]).toEqual(['b', 'due']);
    await test.handle(messages.complete({ ...slow, jobVersion: second.version, attempts: 2 }, { c: 1 }, { observedAt: ago(10), extractionHash: 'x2', attempt: 'second' }));
    expect([await keysOf(test, job.dataset), await stateOf(test, slow)]).toEqual(['c', 'succeeded']);
    // A newest snapshot of an older version with the same definition opens no door to a version between.
    const third = await test.job({ title: 'three' });
    await test.handle(messages.complete(await test.run(third, '3'), { d: 1 }, { observedAt: ago(8), extractionHash: 'x1' }));
    await test.handle(messages.complete(await test.run(job, '4'), { e: 1 }, { observedAt: ago(6), extractionHash: 'x1' }));
    const between = await test.run(second, '5');
    await test.handle(messages.complete(between, { f: 1 }, { observedAt: ago(4), extractionHash: 'x2' }));
    expect([await keysOf(test, job.dataset), await stateOf(test, between)]).toEqual(['e', 'succeeded stale_definition']);
  }));
});

describe('a snapshot that its gate has put aside', () => {
  it.each([['rejected', 'failed rejected'], ['answered by nobody', 'failed quarantine_expired']])('and that was %s is not applied when its message comes again, until the run is asked for anew', (how, state) => withStorage(async (test) => {
    const { parts, database } = test;
    const job = await test.job({ gate: { minItems: 2 } });
    const run = await test.run(job, '1');
    const message = messages.complete(run, { a: 1 }, { observedAt: ago(30) });
    await test.handle(message);
    expect(await stateOf(test, run)).toBe('quarantined');
    const undecided = await findRun({ database, run: run._id });
    if (how === 'rejected') {
      await decide(test, run, false);
      await executeDecisions({ parts });
    } else {
      expect(await expireQuarantine({ parts })).toBe(0);
      await database.collections.runs.updateOne({ _id: run._id }, { $set: { endedAt: ago(31 * 86_400) } });
      expect(await expireQuarantine({ parts })).toBe(1);
    }
    expect(await stateOf(test, run)).toBe(state);
    // Also where the other storage saw the run before it was decided.
    await test.handle(message);
    await test.handle(messages.complete(run, { a: 1, b: 1 }, { observedAt: ago(30), attempt: 'another' }));
    expect([await stateOf(test, run), await keysOf(test, job.dataset)]).toEqual([state, '']);
    expect(undecided?.decision).toBeUndefined();
    await moveRun({ database, run: run._id, to: 'due' });
    expect((await findRun({ database, run: run._id }))?.decision).toBeUndefined();
    await test.handle(messages.complete(run, { a: 1, b: 1 }, { observedAt: ago(20), attempt: 'third' }));
    expect([await stateOf(test, run), await keysOf(test, job.dataset)]).toEqual(['succeeded', 'ab']);
  }));

  it('is not let go by time once somebody has answered', () => withStorage(async (test) => {
    const job = await test.job({ gate: { minItems: 2 } });
    const run = await test.run(job, '1');
    await test.handle(messages.complete(run, { a: 1 }));
    const { runs } = test.database.collections;
    await runs.updateOne({ _id: run._id }, { $set: { endedAt: ago(31 * 86_400) } });
    // Accepted between the look and the end.
    const find = ((...args: Parameters<typeof runs.find>) => {
      const found = runs.find(...args);
      return { toArray: async () => { const all = await found.toArray(); await decide(test, run, true); return all; } };
    }) as unknown as typeof runs.find;
    const collections = { ...test.database.collections, runs: Object.assign(Object.create(runs) as typeof runs, { find }) };
    await expireQuarantine({ parts: test.another({ database: { ...test.database, collections } }) });
    expect(await stateOf(test, run)).toBe('quarantined');
    await Promise.all([test.parts, test.another()].map((parts) => executeDecisions({ parts })));
    expect([await stateOf(test, run), await keysOf(test, job.dataset)]).toEqual(['succeeded', 'a']);
    expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ rev: 1 });
  }));

  it('and that retention has passed by then succeeds without a snapshot; one of a deleted job is let go', () => withStorage(async (test) => {
    const { parts, database, history } = test;
    const job = await test.job({ gate: { minItems: 2 } });
    const [old, left] = [await test.run(job, '1'), await test.run(job, '2')];
    for (const run of [old, left]) await test.handle(messages.complete(run, { a: 1 }, { observedAt: ago(30) }));
    await test.handle(messages.complete(await test.run(job, '3'), { a: 1, b: 1 }, { observedAt: ago(20) }));
    await test.handle(messages.complete(await test.run(job, '4'), { a: 1, c: 1 }, { observedAt: ago(10) }));
    const head = await history.heads.findOne({ _id: job.dataset });
    if (!head) throw new Error('expected a head');
    expect(await moveHorizon({ parts, head, retention: { snapshots: 1 }, now: new Date() })).toBe(true);
    await decide(test, old, true);
    await executeDecisions({ parts });
    expect([await stateOf(test, old), await keysOf(test, job.dataset)]).toEqual(['succeeded too_old', 'ac']);
    await history.heads.updateOne({ _id: job.dataset }, { $set: { deleted: true } });
    await decide(test, left, true);
    await executeDecisions({ parts });
    expect(await stateOf(test, left)).toMatch(/^(failed|cancelled)/);
    expect(await database.collections.runs.countDocuments({ state: 'quarantined' })).toBe(0);
  }));
});

it('an unchanged result that brings back a much smaller snapshot is judged like its items, and accepted needs no other snapshot', () => withStorage(async (test) => {
  const job = await test.job({ gate: { maxRemoved: '50%' } });
  const runs = [await test.run(job, '1'), await test.run(job, '2'), await test.run(job, '3')] as const;
  await test.handle(messages.complete(runs[0], { a: 1 }, { observedAt: ago(30) }));
  await test.handle(messages.complete(runs[1], { a: 1, b: 1, c: 1, d: 1 }, { observedAt: ago(20) }));
  await test.handle(messages.unchanged(runs[2], runs[0]._id, { observedAt: ago(10) }));
  expect([await stateOf(test, runs[2]), await keysOf(test, job.dataset)]).toEqual(['quarantined', 'abcd']);
  await decide(test, runs[2], true);
  await test.history.snapshots.deleteOne({ run: runs[0]._id });
  await executeDecisions({ parts: test.parts });
  expect([await stateOf(test, runs[2]), await keysOf(test, job.dataset)]).toEqual(['succeeded', 'a']);
}));

it('hashes of a storage that missed a late snapshot, and the sweep of its row, are not gone on with', () => withStorage(async (test) => {
  const job = await test.job({ partial: true });
  const [one, two] = [test.parts, test.another()];
  const apply = async (name: string, values: Record<string, number>, seconds: number, parts = one): Promise<void> => void await test.handle(messages.complete(await test.run(job, name), values, { observedAt: ago(seconds) }), parts);
  await apply('1', { a: 1, b: 1 }, 30);
  await apply('2', { b: 2 }, 20);
  await apply('late', { a: 5 }, 25, two);
  await apply('3', { b: 3 }, 10, two);
  const head = await test.history.heads.findOne({ _id: job.dataset });
  if (!head) throw new Error('expected a head');
  await moveHorizon({ parts: two, head, retention: { snapshots: 1 }, now: new Date() });
  await test.history.snapshots.deleteMany({ dataset: job.dataset, position: { $lt: head.position ?? '' } });
  await apply('4', { a: 1 }, 5);
  expect((await readItems({ database: test.database, dataset: job.dataset, limit: 9 })).items).toMatchObject([{ key: 'a', data: { value: 1 } }, { key: 'b', data: { value: 3 } }]);
}));

it('a result that was on its way when its run was rejected is refused by its transaction', () => withStorage(async (test) => {
  const job = await test.job();
  const run = await test.run(job, '1');
  let once = true;
  const parts = test.another({ onStep: async (step) => {
    if (step !== 'before the transaction' || !once) return;
    once = false;
    const seen = await findRun({ database: test.database, run: run._id });
    if (seen) await failRun({ parts: test.parts, run: seen, failure: { class: 'rejected', reason: 'rejected', message: 'no' } });
  } });
  await test.handle(messages.complete(run, { a: 1 }), parts);
  expect([await stateOf(test, run), await keysOf(test, job.dataset)]).toEqual(['failed rejected', '']);
}));
