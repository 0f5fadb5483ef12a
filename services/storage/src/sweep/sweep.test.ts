import { describe, expect, it } from '@jest/globals';
import { deleteJob, readHistory, readItems, readSnapshots, readTriggerItems } from '@gleaner/database';
import { messages, withStorage, type StorageTest } from '../testing/withStorage.ts';
import { sweepDeleted } from './sweepDeleted.ts';
import { sweepGenerations } from './sweepGenerations.ts';
import { sweepHistory } from './sweepHistory.ts';
import { sweepRetention } from './sweepRetention.ts';

const layout = { epochShare: 0.5, epochMinimum: 3, mostChanges: 99, mostBytes: 1e9, logBytes: 1e9, logShare: 1, logMinimum: 4, generationShare: 0.5, generationMinimum: 3 };
const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

/** A snapshot each minute of the last `count`: one key that counts, one that stays, one that is there every third time. */
async function gather(test: StorageTest, dataset: string, count: number, extra: object = {}): Promise<void> {
  const job = await test.job(extra);
  expect(job.dataset).toBe(dataset);
  for (let index = 0; index < count; index += 1) {
    const run = await test.run(job, String(index).padStart(3, '0'));
    await test.handle(messages.complete(run, { count: index, stays: 1, ...(index % 3 === 0 ? { third: index } : {}) }, { observedAt: minutesAgo(count - index) }));
  }
}
const documents = async ({ history }: StorageTest) => ({
  snapshots: await history.snapshots.countDocuments(), epochs: await history.epochs.countDocuments(), keyframes: await history.keyframes.countDocuments(),
  versions: await history.versions.countDocuments(), items: await history.items.countDocuments(), generations: await history.generations.countDocuments(),
});

/** As if the ten minutes had passed in which an apply could still name what it wrote. */
async function sweepOldGenerations(test: StorageTest): Promise<void> {
  await test.history.generations.updateMany({}, { $set: { at: minutesAgo(11) } });
  await sweepGenerations({ parts: test.parts });
}

describe('retention', () => {
  it.each([
    ['by count', { snapshots: 5 }],
    ['by age', { age: '5m30s' }],
    ['by both: the stricter', { snapshots: 5, age: '20m' }],
  ])('%s frees what lies before the horizon, and only that', (_, retention) => withStorage(async (test) => {
    const { database } = test;
    const job = await test.job({ retention });
    await gather(test, job.dataset, 20, { retention });
    const before = await documents(test);
    const [whole, at] = [await readItems({ database, dataset: job.dataset, limit: 10 }), minutesAgo(3)];
    const past = await readItems({ database, dataset: job.dataset, at, limit: 10 });
    expect(await sweepRetention({ parts: test.parts })).toBe(1);
    await sweepOldGenerations(test);
    const after = await documents(test);
    expect(after).toMatchObject({ snapshots: 5, items: whole.items.length, generations: 1 });
    expect(after.versions).toBeLessThan(before.versions);
    expect(after.epochs).toBeLessThan(before.epochs);
    expect((await readItems({ database, dataset: job.dataset, limit: 10 })).items).toEqual(whole.items);
    expect((await readItems({ database, dataset: job.dataset, at, limit: 10 })).items).toEqual(past.items);
    await expect(readItems({ database, dataset: job.dataset, at: minutesAgo(10), limit: 10 })).rejects.toMatchObject({ code: 'swept' });
    await expect(readItems({ database, dataset: job.dataset, at: minutesAgo(500), limit: 10 })).rejects.toMatchObject({ code: 'before_first' });
    expect((await readSnapshots({ database, dataset: job.dataset, limit: 100 })).snapshots).toHaveLength(5);
    const { versions } = await readHistory({ database, dataset: job.dataset, key: 'count', limit: 100 });
    expect(versions.map(({ data }) => (data as { value: number }).value)).toEqual([19, 18, 17, 16, 15]);
    // What was there before the horizon already is the last version, also of a page that is full of bytes: nothing readable follows.
    const stays = await readHistory({ database, dataset: job.dataset, key: 'stays', limit: 9, maxBytes: 1 });
    expect(stays).toEqual({ rev: stays.rev, versions: [{ from: expect.stringContaining('|job@000'), hash: 'h:1', data: { value: 1 } }] });
    // What the oldest readable snapshot changed is not known any more; what a later one did is.
    const brought = async (run: string) => (await readTriggerItems({ database, dataset: job.dataset, run })).items;
    expect([await brought('job@015'), await brought('job@016')]).toEqual([[], [{ value: 16 }]]);
    expect(await sweepRetention({ parts: test.parts })).toBe(0);
  }, { layout }));

  it('says what a sweep freed, and one that was cut short is gone on with', () => withStorage(async (test) => {
    const job = await test.job({ retention: { snapshots: 5 } });
    await gather(test, job.dataset, 20, { retention: { snapshots: 5 } });
    const said: object[] = [];
    const warned: unknown[] = [];
    const log = { ...test.parts.log, warn: ({ err }: { err: Error }) => { warned.push(err.message); }, info: (fields: object, text: string) => { said.push({ ...fields, text }); } } as unknown as StorageTest['parts']['log'];
    const { history } = test;
    let cut = false;
    const failing = new Proxy(history.snapshots, { get: (target, name) => {
      if (name === 'deleteMany' && !cut) return async () => { cut = true; throw new Error('the sweeper was killed'); };
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    } });
    // A dataset that fails keeps none of the others waiting.
    const other = await test.job({ retention: { snapshots: 1 } }, 'other');
    for (const name of ['1', '2']) await test.handle(messages.complete(await test.run(other, name), { a: name }, { observedAt: minutesAgo(2 - Number(name)) }));
    const before = await documents(test);
    expect(await sweepRetention({ parts: test.another({ log, history: { ...history, snapshots: failing } }) })).toBe(1);
    expect(warned).toEqual(['the sweeper was killed']);
    const between = await documents(test);
    expect(between).toMatchObject({ snapshots: before.snapshots - 1 });
    await expect(readItems({ database: test.database, dataset: job.dataset, at: minutesAgo(10), limit: 10 })).rejects.toMatchObject({ code: 'swept' });
    expect(said).toMatchObject([{ job: 'other', snapshots: 1 }]);
    said.length = 0;
    expect(await sweepRetention({ parts: test.another({ log }) })).toBe(1);
    const after = await documents(test);
    expect(said).toEqual([{ job: 'job', dataset: job.dataset, horizon: expect.stringContaining('|job@015'), text: 'retention was kept', snapshots: between.snapshots - after.snapshots, epochs: between.epochs - after.epochs, blocks: between.keyframes - after.keyframes, entries: between.versions - after.versions, keysets: 0 }]);
    expect(after).toMatchObject({ snapshots: 6 });
    expect(after.versions).toBeLessThan(before.versions);
  }, { layout }));

  it('keeps of the log that it cuts into what each key was at the horizon', () => withStorage(async (test) => {
    const { database } = test;
    const job = await test.job({ retention: { snapshots: 2 } });
    const values: Record<string, number>[] = [{ a: 1, b: 1, gone: 1, same: 1 }, { a: 1, b: 2, gone: 1, same: 1 }, { a: 2, b: 3, same: 1 }, { a: 2, b: 4, same: 1 }, { a: 2, b: 5, same: 1, late: 1 }];
    for (const [index, value] of values.entries()) await test.handle(messages.complete(await test.run(job, String(index)), value, { observedAt: minutesAgo(10 - index) }));
    const read = async () => [
      ...(await Promise.all(['job@3', 'job@4'].map(async (run) => (await readItems({ database, dataset: job.dataset, run, limit: 9 })).items))),
      ...(await Promise.all(['a', 'same', 'late'].map(async (key) => (await readHistory({ database, dataset: job.dataset, key, limit: 1 })).versions))),
    ];
    const before = await read();
    expect(await sweepRetention({ parts: test.parts })).toBe(1);
    expect(await read()).toEqual(before);
    expect((await readHistory({ database, dataset: job.dataset, key: 'gone', limit: 9 })).versions).toEqual([]);
    const entries = await test.history.versions.find({}, { sort: { _id: 1 } }).toArray();
    expect(entries.map(({ _id, removed }) => `${_id.k} ${_id.f.slice(-1)}${removed ? ' removed' : ''}`)).toEqual(['a 2', 'b 3', 'b 4', 'gone 2 removed', 'late 4']);
  }));

  it('keeps the newest snapshot whatever its age, and a late one from before the horizon ends without a snapshot', () => withStorage(async (test) => {
    const job = await test.job({ retention: { age: '1m' } });
    await gather(test, job.dataset, 4, { retention: { age: '1m' } });
    const late = await test.run(job, 'late');
    expect(await sweepRetention({ parts: test.parts })).toBe(1);
    expect((await readSnapshots({ database: test.database, dataset: job.dataset, limit: 9 })).snapshots.map(({ run }) => run)).toEqual(['job@003']);
    await test.handle(messages.complete(late, { count: -1 }, { observedAt: minutesAgo(3) }));
    expect(await test.database.collections.runs.findOne({ _id: late._id })).toMatchObject({ state: 'succeeded', reason: 'too_old' });
  }, { layout }));

  it('makes a cursor that has lost its ground say so', () => withStorage(async (test) => {
    const job = await test.job({ retention: { snapshots: 2 } });
    await gather(test, job.dataset, 2, { retention: { snapshots: 2 } });
    const page = await readItems({ database: test.database, dataset: job.dataset, limit: 1 });
    const pinned = { position: page.position ?? '', rev: page.rev };
    for (const [name, ago] of [['a', 0.5], ['b', 0.4], ['c', 0.3]] as const) await test.handle(messages.complete(await test.run(job, name), { count: name }, { observedAt: minutesAgo(ago) }));
    expect((await readItems({ database: test.database, dataset: job.dataset, limit: 1, after: page.next, pinned })).items).toHaveLength(1);
    await sweepRetention({ parts: test.parts });
    await expect(readItems({ database: test.database, dataset: job.dataset, limit: 1, after: page.next, pinned })).rejects.toMatchObject({ code: 'swept' });
  }, { layout }));
});

describe('a set of keys', () => {
  it('that a sweep has taken a part of is written anew before a row names it', () => withStorage(async (test) => {
    const { history, parts, database } = test;
    const job = await test.job({ partial: true });
    await test.handle(messages.complete(await test.run(job, '1'), { a: 1, b: 1 }, { observedAt: minutesAgo(3) }));
    const [set] = await history.keysets.find().toArray();
    if (!set) throw new Error('expected a set of keys');
    await history.keysets.insertOne({ ...set, _id: set._id.replace(/0000$/, '0001') });
    // The sweep comes between the look for the set and the transaction; it dies behind the first part.
    let takes = 1;
    const late = test.another({ onStep: async (step) => { if (step === 'before the transaction' && takes-- > 0) await history.keysets.deleteOne({ _id: set._id }); } });
    await test.handle(messages.complete(await test.run(job, '2'), { a: 2, b: 2 }, { observedAt: minutesAgo(2) }), late);
    expect(takes).toBeLessThan(0);
    expect(await history.keysets.countDocuments({ _id: set._id })).toBe(1);
    // Unused for long, all its parts stay while rows name it, and go once none does.
    await history.keysets.updateMany({}, { $set: { usedAt: minutesAgo(100) } });
    const head = await history.heads.findOne({ _id: job.dataset });
    const sweep = async () => (await sweepHistory({ parts, head: { _id: job.dataset, horizon: head?.position ?? '' } })).keysets;
    expect(await sweep()).toBe(0);
    await database.db.collection('snapshots').updateMany({}, { $unset: { keys: true } });
    expect(await sweep()).toBe(2);
  }));
});

describe('a sweep', () => {
  it('finds out what has become of generations that a storage of before their states has left, and of those that they replaced', () => withStorage(async (test) => {
    const { history, database } = test;
    const job = await test.job();
    const { dataset } = job;
    for (const [name, ago] of [['1', 9], ['2', 8], ['3', 7]] as const) await test.handle(messages.complete(await test.run(job, name), { a: name, b: name, c: name, d: name }, { observedAt: minutesAgo(ago) }));
    const [one, two, three] = await history.epochs.find({}, { sort: { position: 1 } }).map(({ _id }) => _id).toArray();
    const head = await history.heads.findOne({ _id: dataset });
    expect(head).toMatchObject({ generation: three, epoch: { id: three, entries: 0 } });
    // The second storage was old, and so was the third: the first generation was not told that it was replaced.
    await history.generations.updateOne({ _id: one as never }, { $set: { state: 'current' } });
    await history.generations.updateMany({ _id: { $ne: one as never } }, { $unset: { state: true } });
    for (const at of [minutesAgo(11), new Date()]) await history.generations.insertOne({ _id: test.parts.newId(), dataset, at } as never);
    await history.generations.updateMany({ _id: { $in: [one, two, three] as never[] } }, { $set: { at: minutesAgo(11) } });
    await history.heads.updateOne({ _id: dataset }, { $unset: { 'epoch.bytes': true, 'epoch.stateBytes': true } });
    const states = async () => (await history.generations.find({}, { sort: { at: 1, _id: 1 } }).toArray()).map(({ _id, state }) => [_id === three ? 'three' : 'another', state]);
    expect(await sweepGenerations({ parts: test.parts })).toBe(8);
    // One without a state that is young may still be named by its transaction; one that nobody named waits its time as any other.
    expect(await states()).toEqual([['three', 'current'], ['another', undefined]]);
    expect((await readItems({ database, dataset, limit: 9 })).items).toHaveLength(4);
    // And the log of the epoch that the old one began is counted from here on.
    await test.handle(messages.complete(await test.run(job, '4'), { a: '4', b: '3', c: '3', d: '3' }, { observedAt: minutesAgo(6) }));
    expect((await history.heads.findOne({ _id: dataset }))?.epoch).toMatchObject({ id: three, entries: 1, bytes: expect.any(Number) });
    expect((await history.heads.findOne({ _id: dataset }))?.epoch?.bytes).toBeGreaterThan(0);
  }, { layout: { ...layout, logMinimum: 9 } }));

  it('takes away the whole dataset of a deleted job, and nothing of the one made again', () => withStorage(async (test) => {
    const job = await test.job();
    await gather(test, job.dataset, 7);
    await deleteJob({ database: test.database, id: 'job', by: 'test' });
    const again = await test.job();
    await test.handle(messages.complete(await test.run(again, 'new'), { x: 1 }));
    expect(await sweepDeleted({ parts: test.parts })).toBeGreaterThan(10);
    await sweepOldGenerations(test);
    expect(await documents(test)).toEqual({ snapshots: 1, epochs: 1, keyframes: 1, versions: 0, items: 1, generations: 1 });
    await expect(readItems({ database: test.database, dataset: job.dataset, limit: 1 })).rejects.toMatchObject({ code: 'no_dataset' });
    expect((await readItems({ database: test.database, dataset: again.dataset, limit: 5 })).items).toMatchObject([{ key: 'x' }]);
    expect(await sweepDeleted({ parts: test.parts })).toBe(0);
  }, { layout }));

  it('takes away what a crash left before its transaction, but not before that could still commit', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const crashing = test.another({ onStep: (step) => { if (step === 'before the transaction') throw new Error('crash'); } });
    await expect(test.handle(messages.complete(run, { a: 1, b: 2 }), crashing)).rejects.toThrow('crash');
    expect(await documents(test)).toMatchObject({ items: 2, keyframes: 1, generations: 1 });
    expect(await sweepGenerations({ parts: test.parts })).toBe(0);
    await test.history.generations.updateMany({}, { $set: { at: minutesAgo(11) } });
    // One that slept before its transaction for so long that a sweep came first.
    const asleep = test.another({ onStep: async (step) => {
      if (step !== 'before the transaction' || swept > 0) return;
      await test.history.generations.updateMany({}, { $set: { at: minutesAgo(11) } });
      swept = await sweepGenerations({ parts: test.parts });
    } });
    let swept = 0;
    await test.handle(messages.complete(run, { a: 1, b: 2 }), asleep);
    expect(swept).toBe(6);
    expect(await sweepGenerations({ parts: test.parts })).toBe(0);
    expect(await documents(test)).toMatchObject({ items: 2, keyframes: 1, generations: 1 });
    expect((await readItems({ database: test.database, dataset: job.dataset, limit: 5 })).items).toHaveLength(2);
  }, { limits: { writeBefore: 0 as never } }));
});
