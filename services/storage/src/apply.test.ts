import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { messageTypes } from '@gleaner/contracts';
import { deleteJob, findRun, historyCollectionsOf, MongoServerError, moveRun, putJob, readHistory, readItems, readSnapshots, type ItemsPage } from '@gleaner/database';
import { executeDecisions } from './executeDecisions.ts';
import { definitionOf, itemsOf, messages, withStorage, type Message, type StorageTest } from './testing/withStorage.ts';

const plain = ({ items }: Pick<ItemsPage, 'items'>): Record<string, unknown> => Object.fromEntries(items.map((item) => [item.key, (item.data as { value?: unknown }).value ?? item.data]));
const latest = async ({ database }: StorageTest, dataset: string) => plain(await readItems({ database, dataset, limit: 1_000 }));
const ago = (seconds: number): Date => new Date(Date.now() - seconds * 1_000);

describe('a result', () => {
  it('becomes items, versions, a snapshot and the run\'s state, once however often it comes', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const message = messages.complete(run, { a: 1, b: { x: [1, { y: null }], '$set': 'kept', 'dotted.name': 2 } });
    for (let copy = 0; copy < 3; copy += 1) expect(await test.handle(message)).toEqual({ kind: 'done' });
    expect(await latest(test, job.dataset)).toEqual({ a: 1, b: { x: [1, { y: null }], '$set': 'kept', 'dotted.name': 2 } });
    const ended = await findRun({ database: test.database, run: run._id });
    expect(ended).toMatchObject({ state: 'succeeded', rev: 2, unsettled: 2, snapshot: run._id, counts: { received: 2, kept: 2, added: 2, changed: 0, removed: 0, unchanged: 0, total: 2 } });
    const { snapshots } = await readSnapshots({ database: test.database, dataset: job.dataset, limit: 10 });
    expect(snapshots).toMatchObject([{ run: run._id, kind: 'whole', counts: { added: 2, total: 2 }, request: { status: 200 } }]);
    expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ rev: 1, total: 2, validators: { run: run._id, bodyHash: `b-${run._id}` } });
    expect(test.announced).toHaveLength(1);
  }));

  it('lands at its position when it comes late, and does not disturb what is newer', () => withStorage(async (test) => {
    const job = await test.job();
    const [first, second, third] = [await test.run(job, '1'), await test.run(job, '2'), await test.run(job, '3')];
    await test.handle(messages.complete(first, { a: 1, b: 1 }, { observedAt: ago(30) }));
    await test.handle(messages.complete(third, { a: 3, c: 3 }, { observedAt: ago(10) }));
    await test.handle(messages.complete(second, { a: 2, b: 1, d: 2 }, { observedAt: ago(20) }));
    const { database } = test;
    expect(await latest(test, job.dataset)).toEqual({ a: 3, c: 3 });
    expect(plain(await readItems({ database, dataset: job.dataset, at: ago(15), limit: 10 }))).toEqual({ a: 2, b: 1, d: 2 });
    expect(plain(await readItems({ database, dataset: job.dataset, run: first._id, limit: 10 }))).toEqual({ a: 1, b: 1 });
    const { versions } = await readHistory({ database, dataset: job.dataset, key: 'a', limit: 10 });
    expect(versions.map(({ data }) => (data as { value: number }).value)).toEqual([3, 2, 1]);
    const { snapshots } = await readSnapshots({ database, dataset: job.dataset, limit: 10 });
    expect(snapshots.map(({ counts: { added, changed, removed, total } }) => [added, changed, removed, total])).toEqual([[1, 1, 2, 2], [1, 1, 0, 3], [2, 0, 0, 2]]);
    await expect(readItems({ database, dataset: job.dataset, at: ago(3_000), limit: 1 })).rejects.toMatchObject({ code: 'before_first' });
  }));

  it('of several batches is applied when its set is whole, whatever the order and however often they come, by two storages', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const values = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, index]));
    const other = test.another();
    const set = messages.set(run, values, { batches: 5 });
    const shuffled = [...set, ...set, ...set].map((message, index) => ({ message, order: (index * 7_919) % 18 })).toSorted((a, b) => a.order - b.order);
    await Promise.all(shuffled.map(({ message }, index) => test.handle(message, index % 2 === 0 ? test.parts : other)));
    expect(await latest(test, job.dataset)).toEqual(values);
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'succeeded', rev: 2, counts: { received: 50, added: 50 } });
    expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ rev: 1 });
  }));

  it('whose complete report comes first waits, and its moment is that of the first handling', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const set = messages.set(run, { a: 1, b: 2 }, { batches: 2, observedAt: new Date(Date.now() + 3_600_000) });
    await test.handle(set[2] as never);
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'running' });
    const { observedAt } = (await test.history.batches.findOne({ seq: -1 })) ?? {};
    await test.handle(set[1] as never);
    await test.handle(set[2] as never);
    await test.handle(set[0] as never);
    expect((await findRun({ database: test.database, run: run._id }))?.observedAt).toEqual(observedAt);
    expect(await test.history.batches.countDocuments({})).toBe(0);
  }));

  it('that waited as batches, its report with the last items, is what came to the bit', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const [batch, report] = messages.set(run, { a: { n: 7 } }, { batches: 1 }).map(({ body }) => body.toString());
    await test.handle({ type: messageTypes.report, body: Buffer.from((report ?? '').replace(/}$/, ',"items":[{"k":"b","h":"h","d":{"n":-0}}]}')) });
    await test.handle({ type: messageTypes.batch, body: Buffer.from((batch ?? '').replace('"d":{"n":7}', '"d":{"n":-0}')) });
    expect(await latest(test, job.dataset)).toEqual({ a: { n: -0 }, b: { n: -0 } });
  }));

  it('never mixes two attempts, and the first whole one wins', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const one = messages.set(run, { a: 1, b: 1 }, { batches: 2, attempt: 'one' });
    const two = messages.set(run, { a: 2, b: 2 }, { batches: 2, attempt: 'two' });
    for (const message of [one[0], two[1], two[2], one[2], two[0], one[1]]) await test.handle(message as never);
    expect(await latest(test, job.dataset)).toEqual({ a: 2, b: 2 });
    expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ rev: 1 });
  }));

  it.each(['due', 'queued', 'running', 'retrying', 'failed'] as const)('is taken by a run that is %s', (state) => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1', { state });
    await test.handle(messages.complete(run, { a: 1 }));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'succeeded' });
  }));

  it.each(['cancelled', 'expired', 'skipped', 'quarantined'] as const)('changes nothing where the run is %s', (state) => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1', { state });
    expect(await test.handle(messages.complete(run, { a: 1 }))).toEqual({ kind: 'done' });
    expect(await latest(test, job.dataset)).toEqual({});
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state, rev: 1 });
  }));

  it.each(['complete', 'unchanged', 'failed'] as const)('that comes after its run was cancelled says that the attempt asks no more: %s', (kind) => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    await moveRun({ database: test.database, run: run._id, to: 'cancelled' });
    const set = messages.set(run, { a: 1, b: 2 }, { batches: 2 });
    await test.handle(set[0] as Message);
    // A batch is not the last word: more pages may follow.
    expect((await findRun({ database: test.database, run: run._id }))?.lastReport).toBeUndefined();
    await test.handle(kind === 'complete' ? set[2] as Message : kind === 'unchanged' ? messages.unchanged(run, 'none') : messages.failed(run, { class: 'aborted' }));
    expect((await findRun({ database: test.database, run: run._id }))?.lastReport).toEqual({ try: 1, at: expect.any(Date) });
  }));

  it('that comes after its try was given up as lost says so too, whichever try is under way by then', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    await moveRun({ database: test.database, run: run._id, to: 'retrying', set: { slotTry: 1, slotUntil: new Date() } });
    await moveRun({ database: test.database, run: run._id, to: 'queued' });
    await test.handle(messages.failed({ ...run, attempts: 2 }, { class: 'network' }, 'of the second try'));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'retrying', attempts: 2 });
    await test.handle(messages.failed(run, { class: 'aborted' }));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'retrying', attempts: 2, lastReport: { try: 1 } });
  }));

  it('is refused by the transaction when the run is cancelled under its hands', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const parts = test.another({ onStep: async (step) => {
      if (step === 'before the transaction') await moveRun({ database: test.database, run: run._id, to: 'cancelled' });
    } });
    expect(await test.handle(messages.complete(run, { a: 1 }), parts)).toEqual({ kind: 'done' });
    expect(await latest(test, job.dataset)).toEqual({});
    expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ rev: 0 });
    expect(await test.history.snapshots.countDocuments({})).toBe(0);
  }));

  it('is written once although the leader notes meanwhile that the tick is published', () => withStorage(async (test) => {
    const { database } = test;
    const job = await test.job();
    const run = await test.run(job, '1');
    const noted = { at: new Date(), by: Promise.resolve<unknown>(undefined) };
    const steps: string[] = [];
    const parts = test.another({ onStep: async (step) => {
      steps.push(step);
      if (step !== 'in the transaction') return;
      noted.by = database.collections.runs.updateOne({ _id: run._id }, { $set: { publishedAt: noted.at } });
      // It waits for the transaction; were it let through, it would end the transaction.
      await Promise.race([noted.by, delay(200)]);
    } });
    expect(await test.handle(messages.complete(run, { a: 1 }), parts)).toEqual({ kind: 'done' });
    expect(await noted.by).toMatchObject({ matchedCount: 1 });
    expect(steps.filter((step) => step === 'in the transaction')).toHaveLength(1);
    expect(await findRun({ database, run: run._id })).toMatchObject({ state: 'succeeded', publishedAt: noted.at });
    expect(await latest(test, job.dataset)).toEqual({ a: 1 });
  }));

  it('of a deleted job is refused, and a remade job starts clean', () => withStorage(async (test) => {
    const job = await test.job();
    const [run, later] = [await test.run(job, '1'), await test.run(job, '2')];
    await test.handle(messages.complete(run, { a: 1 }));
    await deleteJob({ database: test.database, id: 'job', by: 'test' });
    await test.handle(messages.complete(later, { a: 2 }));
    expect(await findRun({ database: test.database, run: later._id })).toMatchObject({ state: 'cancelled', reason: 'job deleted' });
    const remade = await test.job();
    expect(await latest(test, remade.dataset)).toEqual({});
  }));

  it('with another definition says so, and a late one of the older definition makes no snapshot', () => withStorage(async (test) => {
    const job = await test.job({ gate: { maxRemoved: '10%' } });
    const [old, late, newer] = [await test.run(job, '1'), await test.run(job, '2'), await test.run(job, '3', { jobVersion: 2 })];
    await putJob({ database: test.database, id: 'job', definition: definitionOf({ title: 'two', gate: { maxRemoved: '10%' } }), by: 'test' });
    await test.handle(messages.complete(old, { a: 1, b: 1 }, { observedAt: ago(30) }));
    await test.handle(messages.complete(newer, { c: 1 }, { observedAt: ago(10), extractionHash: 'x2' }));
    await test.handle(messages.complete(late, { a: 2, b: 2 }, { observedAt: ago(5) }));
    const { database } = test;
    expect(await findRun({ database, run: newer._id })).toMatchObject({ state: 'succeeded', cause: 'definition' });
    expect(await findRun({ database, run: late._id })).toMatchObject({ state: 'succeeded', reason: 'stale_definition' });
    expect((await findRun({ database, run: late._id }))?.snapshot).toBeUndefined();
    expect(await latest(test, job.dataset)).toEqual({ c: 1 });
  }));

  it('of more items than a snapshot may have fails the run clearly', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1');
    await test.handle(messages.complete(run, { a: 1, b: 2, c: 3 }));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'failed', error: { class: 'snapshot_too_large', message: 'expected at most 2 items in one snapshot; saw 3' } });
  }, { limits: { items: 2 as never } }));

  it.each([[251, 'NoSuchTransaction'], [290, 'TransactionExceededLifetimeLimitSeconds'], [257, 'TransactionTooLarge'], [388, 'TransactionTooLargeForCache']])('that the server ends each time (%i %s) fails the run clearly, and a small one is tried again', (code, codeName) => withStorage(async (test) => {
    const job = await test.job();
    const values = (value: number) => Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`k${index}`, value]));
    for (const [name, seconds] of [['1', 30], ['2', 10]] as const) await test.handle(messages.complete(await test.run(job, name), values(1), { observedAt: ago(seconds) }));
    const ended = async (): Promise<never> => { throw new MongoServerError({ message: 'Transaction with { txnNumber: 24 } has been aborted.', code, codeName }); };
    const parts = test.another({ database: { ...test.database, transaction: ended } });
    const [large, small] = [await test.run(job, 'large'), await test.run(job, 'small')];
    const message = messages.complete(large, values(2), { observedAt: ago(20) });
    if (code < 257 || code === 290) await expect(test.handle(messages.complete(small, { ...values(1), k0: 2 }, { observedAt: ago(5) }), parts)).rejects.toMatchObject({ code });
    // The run's own end is another transaction: only the apply is ended.
    let calls = 0;
    const once = test.another({ database: { ...test.database, transaction: (fn) => ((calls += 1) === 1 ? ended() : test.database.transaction(fn)) } });
    await test.handle(message, once);
    expect(await findRun({ database: test.database, run: large._id })).toMatchObject({ state: 'failed', error: { class: 'snapshot_too_large', message: expect.stringMatching(/1801 changes/) } });
    expect(await latest(test, job.dataset)).toEqual(values(1));
  }));

  it('beyond the limit of a transaction fails the run clearly', () => withStorage(async (test) => {
    const job = await test.job();
    const [first, second] = [await test.run(job, '1'), await test.run(job, '2')];
    await test.handle(messages.complete(first, { a: 1 }));
    await test.handle(messages.complete(second, Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, index]))));
    expect(await findRun({ database: test.database, run: second._id })).toMatchObject({ state: 'failed', error: { class: 'snapshot_too_large' } });
    expect(await test.database.collections.deadLetters.findOne({ run: second._id })).toMatchObject({ class: 'snapshot_too_large', state: 'parked', queue: 'collect' });
  }, { limits: { writes: 10 as never } }));
});

describe('an unchanged result', () => {
  it('is a row alone where its snapshot is the newest, again and again', () => withStorage(async (test) => {
    const job = await test.job();
    const runs = [await test.run(job, '1'), await test.run(job, '2'), await test.run(job, '3')] as const;
    await test.handle(messages.complete(runs[0], { a: 1 }, { observedAt: ago(30) }));
    await test.handle(messages.unchanged(runs[1], runs[0]._id, { observedAt: ago(20) }));
    await test.handle(messages.unchanged(runs[2], runs[1]._id, { observedAt: ago(10) }));
    const { snapshots } = await readSnapshots({ database: test.database, dataset: job.dataset, limit: 10 });
    expect(snapshots.map(({ run, counts: { unchanged, total } }) => [run, unchanged, total])).toEqual([[runs[2]._id, 1, 1], [runs[1]._id, 1, 1], [runs[0]._id, 0, 1]]);
    expect(await findRun({ database: test.database, run: runs[2]._id })).toMatchObject({ state: 'unchanged', counts: { kept: 1, unchanged: 1 } });
    expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ rev: 3, validators: { run: runs[2]._id, bodyHash: `b-${runs[0]._id}` } });
    expect((await readHistory({ database: test.database, dataset: job.dataset, key: 'a', limit: 5 })).versions).toHaveLength(1);
  }));

  it('brings back the content of its snapshot where another has come between', () => withStorage(async (test) => {
    const job = await test.job();
    const runs = [await test.run(job, '1'), await test.run(job, '2'), await test.run(job, '3')] as const;
    await test.handle(messages.complete(runs[0], { a: 1, b: 1 }, { observedAt: ago(30) }));
    await test.handle(messages.complete(runs[1], { a: 2 }, { observedAt: ago(20) }));
    await test.handle(messages.unchanged(runs[2], runs[0]._id, { observedAt: ago(10) }));
    expect(await latest(test, job.dataset)).toEqual({ a: 1, b: 1 });
    expect(await findRun({ database: test.database, run: runs[2]._id })).toMatchObject({ state: 'unchanged', counts: { added: 1, changed: 1, total: 2 } });
  }));

  it('of a snapshot that is gone is another try without validators', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    await test.handle(messages.unchanged(run, 'job@never'));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'retrying', withoutValidators: true, error: { class: 'stale_validators' } });
  }));
});

describe('a run whose beginning was never told', () => {
  it('began when its report says, within what the database knows', () => withStorage(async (test) => {
    const job = await test.job();
    const [queuedAt, began] = [ago(100), ago(50)];
    const told = async (name: string, startedAt: Date, extra: object = {}) => {
      const run = await test.run(job, name, { state: 'queued', queuedAt, ...extra });
      if (!('startedAt' in extra)) await test.database.collections.runs.updateOne({ _id: run._id }, { $unset: { startedAt: true } });
      await test.handle(messages.complete(run, { a: name }, { observedAt: ago(30 - Number(name)), startedAt: startedAt.toISOString() }));
      return (await findRun({ database: test.database, run: run._id }))?.startedAt;
    };
    expect(await told('1', began)).toEqual(began);
    expect(await told('2', ago(1_000))).toEqual(queuedAt);
    expect((await told('3', ago(-1_000)))?.getTime()).toBeLessThan(Date.now() + 60_000);
    expect(await told('4', began, { startedAt: queuedAt })).toEqual(queuedAt);
  }));
});

describe('changes of a snapshot', () => {
  const gone = (k: string) => ({ k, gone: true }) as const;
  const handleAll = async (test: StorageTest, all: readonly Message[]): Promise<void> => { for (const message of all) await test.handle(message); };

  it.each([0, 2])('are applied without reading what stayed as it was (%s batches)', (batches) => withStorage(async (test) => {
    const job = await test.job();
    const runs = [await test.run(job, '1'), await test.run(job, '2')] as const;
    await test.handle(messages.complete(runs[0], { a: 1, b: 1, c: 1 }, { observedAt: ago(30) }));
    const { db } = test.database;
    await db.command({ profile: 2 });
    await handleAll(test, messages.changes(runs[1], runs[0]._id, [...itemsOf({ b: 2, d: 2 }), gone('c'), gone('never')], { batches, kept: 3, observedAt: ago(20) }));
    await db.command({ profile: 0 });
    const read = await db.collection('system.profile').find({ op: { $in: ['query', 'getmore'] } }).map(({ ns }) => String(ns).split('.')[1]).toArray();
    expect(read).toContain('heads');
    expect(read.filter((collection) => ['items', 'versions', 'keyframes'].includes(collection ?? ''))).toEqual([]);
    expect(await findRun({ database: test.database, run: runs[1]._id })).toMatchObject({ state: 'succeeded', counts: { received: 3, kept: 3, added: 1, changed: 1, removed: 1, unchanged: 1, total: 3 } });
    expect(await latest(test, job.dataset)).toEqual({ a: 1, b: 2, d: 2 });
    expect(plain(await readItems({ database: test.database, dataset: job.dataset, at: ago(25), limit: 10 }))).toEqual({ a: 1, b: 1, c: 1 });
    expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ run: runs[1]._id, total: 3, validators: { run: runs[1]._id } });
  }));

  it('that are none are a snapshot that wakes nobody', () => withStorage(async (test) => {
    const job = await test.job();
    const runs = [await test.run(job, '1'), await test.run(job, '2')] as const;
    await test.handle(messages.complete(runs[0], { a: 1 }, { observedAt: ago(30) }));
    await handleAll(test, messages.changes(runs[1], runs[0]._id, [], { kept: 1, observedAt: ago(20) }));
    expect(await findRun({ database: test.database, run: runs[1]._id })).toMatchObject({ state: 'succeeded', counts: { changed: 0, unchanged: 1, total: 1 } });
  }));

  it('of a snapshot that is not the newest land on what that one held', () => withStorage(async (test) => {
    const job = await test.job();
    const runs = [await test.run(job, '1'), await test.run(job, '2'), await test.run(job, '3'), await test.run(job, '4')] as const;
    await test.handle(messages.complete(runs[0], { a: 1, b: 1 }, { observedAt: ago(40) }));
    await test.handle(messages.complete(runs[1], { a: 2, z: 1 }, { observedAt: ago(20) }));
    await handleAll(test, messages.changes(runs[2], runs[0]._id, itemsOf({ b: 3 }), { kept: 2, observedAt: ago(10) }));
    expect(await latest(test, job.dataset)).toEqual({ a: 1, b: 3 });
    await handleAll(test, messages.changes(runs[3], runs[0]._id, itemsOf({ c: 1 }), { kept: 3, observedAt: ago(30) }));
    expect(plain(await readItems({ database: test.database, dataset: job.dataset, at: ago(25), limit: 10 }))).toEqual({ a: 1, b: 1, c: 1 });
    expect(await latest(test, job.dataset)).toEqual({ a: 1, b: 3 });
  }));

  it.each([
    ['is gone', 'job@never', 1],
    ['does not hold what the collector remembered', 'job@1', 2],
  ])('of a snapshot that %s are another try without validators, and nothing is stored', (_, base, kept) => withStorage(async (test) => {
    const job = await test.job();
    const runs = [await test.run(job, '1'), await test.run(job, '2')] as const;
    await test.handle(messages.complete(runs[0], { a: 1 }, { observedAt: ago(30) }));
    await handleAll(test, messages.changes(runs[1], base, itemsOf({ a: 2 }), { kept, observedAt: ago(20) }));
    expect(await findRun({ database: test.database, run: runs[1]._id })).toMatchObject({ state: 'retrying', withoutValidators: true, error: { class: 'stale_validators' } });
    expect(await latest(test, job.dataset)).toEqual({ a: 1 });
  }));

  it.each([{ maxRemoved: 1 }, { required: ['price'] }])('that fail the gate %j are put aside whole, so that accepting needs no other snapshot', (gate) => withStorage(async (test) => {
    const open = await test.job();
    const first = await test.run(open, '1');
    await test.handle(messages.complete(first, { a: { price: 1 }, b: { price: 1 }, c: { price: 1 } }, { observedAt: ago(30) }));
    const job = await test.job({ gate });
    const run = await test.run(job, '2', { jobVersion: job.version });
    await handleAll(test, messages.changes(run, first._id, [...itemsOf({ a: { other: 1 } }), gone('b'), gone('c')], { kept: 1, observedAt: ago(20) }));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'quarantined', counts: { changed: 1, removed: 2 } });
    await test.database.collections.runs.updateOne({ _id: run._id }, { $set: { decision: { accept: true, by: 'a person', at: new Date() } } });
    await test.history.snapshots.deleteOne({ run: first._id });
    await executeDecisions({ parts: test.parts });
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'succeeded' });
    expect((await readItems({ database: test.database, dataset: job.dataset, limit: 10 })).items).toMatchObject([{ key: 'a', data: { other: 1 } }]);
  }));

  it('that nobody can read are a letter', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const [message] = messages.changes(run, 'job@0', [{ k: 'a' } as never], { kept: 1 });
    expect(JSON.stringify(await test.handle(message as Message))).toContain('{k, gone}');
  }));
});

describe('the gate', () => {
  const decide = (test: StorageTest, run: string, accept: boolean) =>
    test.database.collections.runs.updateOne({ _id: run }, { $set: { decision: { accept, by: 'a person', at: new Date() } } });

  it.each([1, 3])('puts a collapsed list aside; accepted it lands at its position (%s batches)', (batches) => withStorage(async (test) => {
    const job = await test.job({ gate: { minItems: 1, maxRemoved: '50%', required: ['value'] } });
    const runs = [await test.run(job, '1'), await test.run(job, '2'), await test.run(job, '3')] as const;
    await test.handle(messages.complete(runs[0], { a: 1, b: 1, c: 1, d: 1 }, { observedAt: ago(30) }));
    for (const message of batches === 1 ? [messages.complete(runs[1], { a: 2 }, { observedAt: ago(20) })] : messages.set(runs[1], { a: 2 }, { batches, observedAt: ago(20) })) await test.handle(message);
    expect(await findRun({ database: test.database, run: runs[1]._id })).toMatchObject({ state: 'quarantined', counts: { removed: 3 }, error: { class: 'gate' } });
    expect(await latest(test, job.dataset)).toEqual({ a: 1, b: 1, c: 1, d: 1 });
    await test.handle(messages.complete(runs[2], { a: 3, b: 1, c: 1, d: 1 }, { observedAt: ago(10) }));
    await decide(test, runs[1]._id, true);
    await executeDecisions({ parts: test.parts });
    expect(await findRun({ database: test.database, run: runs[1]._id })).toMatchObject({ state: 'succeeded', snapshot: runs[1]._id });
    expect(plain(await readItems({ database: test.database, dataset: job.dataset, at: ago(15), limit: 10 }))).toEqual({ a: 2 });
    expect(await latest(test, job.dataset)).toEqual({ a: 3, b: 1, c: 1, d: 1 });
    expect(await test.history.batches.countDocuments({})).toBe(0);
  }));

  it('rejects with a letter, and history stays clean', () => withStorage(async (test) => {
    const job = await test.job({ gate: { required: ['price'] } });
    const run = await test.run(job, '1');
    await test.handle(messages.complete(run, { a: 1 }));
    await decide(test, run._id, false);
    await executeDecisions({ parts: test.parts });
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'failed', reason: 'rejected' });
    expect(await test.database.collections.deadLetters.findOne({ run: run._id })).toMatchObject({ class: 'rejected', state: 'parked' });
    expect(await latest(test, job.dataset)).toEqual({});
  }));
});

describe('partial snapshots', () => {
  it('leave alone what they do not list', () => withStorage(async (test) => {
    const job = await test.job({ partial: true });
    const runs = [await test.run(job, '1'), await test.run(job, '2'), await test.run(job, '3')] as const;
    await test.handle(messages.complete(runs[0], { a: 1, b: 1 }, { observedAt: ago(30) }));
    await test.handle(messages.complete(runs[2], { c: 3 }, { observedAt: ago(10) }));
    await test.handle(messages.complete(runs[1], { b: 2, c: 2 }, { observedAt: ago(20) }));
    expect(await latest(test, job.dataset)).toEqual({ a: 1, b: 2, c: 3 });
    expect(plain(await readItems({ database: test.database, dataset: job.dataset, at: ago(15), limit: 10 }))).toEqual({ a: 1, b: 2, c: 2 });
  }));
});

describe('two storages at once', () => {
  it('apply twenty snapshots of one dataset, each once', () => withStorage(async (test) => {
    const job = await test.job();
    const [one, two] = [test.parts, test.another()];
    const runs = await Promise.all(Array.from({ length: 20 }, (_, index) => test.run(job, String(index).padStart(2, '0'))));
    const sent = runs.map((run, index) => messages.complete(run, { a: index % 3, b: index % 2, [`k${index}`]: 1 }, { observedAt: ago(100 - index) }));
    // One from the oldest, one from the newest on: most of the time they are at different snapshots, and each makes the other's plan stale.
    await Promise.all([...sent.map((message) => test.handle(message, one)), ...sent.toReversed().map((message) => test.handle(message, two))]);
    const head = await historyCollectionsOf(test.database.db).heads.findOne({ _id: job.dataset });
    expect(head).toMatchObject({ rev: 20, snapshots: 20, total: 3 });
    expect(await latest(test, job.dataset)).toEqual({ a: 1, b: 1, k19: 1 });
    for (const [index, run] of runs.entries()) expect(plain(await readItems({ database: test.database, dataset: job.dataset, run: run._id, limit: 10 }))).toEqual({ a: index % 3, b: index % 2, [`k${index}`]: 1 });
  }));
});

it('compares with what the other storage applied without reading all hashes again, but for a late one', () => withStorage(async (test) => {
  const job = await test.job();
  let reads = 0;
  const watching = (): ReturnType<StorageTest['another']> => test.another({ onStep: (step) => { if (step === 'before all hashes are read') reads += 1; } });
  const storages = [watching(), watching()] as const;
  const apply = async (index: number, values: Record<string, number>, seconds: number): Promise<void> => {
    await test.handle(messages.complete(await test.run(job, String(index)), values, { observedAt: ago(seconds) }), storages[index % 2]);
  };
  for (let index = 0; index < 8; index += 1) await apply(index, { a: index, b: 1, ...(index % 3 === 0 ? { c: index } : {}) }, 100 - index);
  expect(reads).toBe(1); // the second storage's first look
  expect(await latest(test, job.dataset)).toEqual({ a: 7, b: 1 });
  await apply(8, { a: 8, b: 2 }, 95.5);
  await apply(9, { a: 9, b: 2 }, 1);
  expect(await findRun({ database: test.database, run: 'job@9' })).toMatchObject({ counts: { changed: 2, unchanged: 0 } });
  expect(reads).toBe(2);
}));

describe('a crash', () => {
  it.each(['before the state is written', 'before the transaction', 'in the transaction', 'before the commit', 'after the commit'])('%s leaves all or nothing, and the message that comes again completes it', (point) => withStorage(async (test) => {
    const job = await test.job();
    for (const [index, values] of [{ a: 1, b: 1 }, { a: 2, c: 1 }].entries()) {
      const run = await test.run(job, String(index));
      const message = messages.complete(run, values, { observedAt: ago(50 - index) });
      const crashing = test.another({ onStep: (step) => { if (step === point) throw new Error('crash'); } });
      await expect(test.handle(message, crashing)).rejects.toThrow('crash');
      expect([index, index + 1]).toContain((await test.history.heads.findOne({ _id: job.dataset }))?.rev);
      expect(await test.handle(message, test.another())).toEqual({ kind: 'done' });
      expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ rev: index + 1, snapshots: index + 1 });
      expect(await latest(test, job.dataset)).toEqual(values);
    }
  }, { limits: { writeBefore: 0 as never } }));
});

it('reads pages that stay on one moment, and says when it was rewritten', () => withStorage(async (test) => {
  const job = await test.job();
  const { database } = test;
  const runs = await Promise.all(['1', '2', '3'].map((name) => test.run(job, name)));
  const values = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`k${index}`, index]));
  await test.handle(messages.complete(runs[0] as never, itemsOf(values), { observedAt: ago(30) }));
  const first = await readItems({ database, dataset: job.dataset, limit: 4 });
  expect(first).toMatchObject({ next: 'k3', total: 10, latest: true });
  await test.handle(messages.complete(runs[1] as never, { z: 1 }, { observedAt: ago(10) }));
  const pinned = { position: first.position ?? '', rev: first.rev };
  const second = await readItems({ database, dataset: job.dataset, limit: 4, after: 'k3', pinned });
  expect(Object.keys(plain(second))).toEqual(['k4', 'k5', 'k6', 'k7']);
  expect(await readItems({ database, dataset: job.dataset, limit: 4, after: 'k7', pinned })).not.toHaveProperty('next');
  await test.handle(messages.complete(runs[2] as never, { k9: 9 }, { observedAt: ago(40) }));
  await expect(readItems({ database, dataset: job.dataset, limit: 4, after: 'k3', pinned })).rejects.toMatchObject({ code: 'history_changed' });
}));
