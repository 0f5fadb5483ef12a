import { describe, expect, it } from '@jest/globals';
import { diffMoments, epochAt, findRun, readHistory, readItems, readKnown, type Difference, type Version } from '@gleaner/database';
import { messages, withStorage, type StorageTest } from './testing/withStorage.ts';
import { layoutLimits } from './core/planNewest.ts';

const began = Date.now();
/** One origin for all: a slow machine must not turn their order round. */
const ago = (seconds: number): Date => new Date(began - seconds * 1_000);
const text = (name: string | number, size: number): Record<string, unknown> => ({ name, text: 'x'.repeat(size) });

/** How many bytes the server answered with for this collection while `read` went on. */
async function answered({ database: { db } }: StorageTest, collection: string, read: () => Promise<unknown>): Promise<number> {
  await db.command({ profile: 2 });
  await read();
  await db.command({ profile: 0 });
  const answers = await db.collection('system.profile').find({ ns: `${db.databaseName}.${collection}`, op: { $in: ['query', 'getmore'] } }).toArray();
  await db.dropCollection('system.profile');
  return answers.reduce((sum, { responseLength }) => sum + Number(responseLength), 0);
}

describe('a large item that changes each time', () => {
  it('costs a reader what its page shows, not what its history holds', () => withStorage(async (test) => {
    const { database } = test;
    const job = await test.job();
    const { dataset } = job;
    for (let index = 0; index < 20; index += 1) await test.handle(messages.complete(await test.run(job, String(index).padStart(2, '0')), { item: text(index, 100_000), small: text(index, 1) }, { observedAt: ago(100 - index) }));
    expect(await test.history.epochs.countDocuments()).toBe(1);
    expect(await answered(test, 'versions', () => readHistory({ database, dataset, key: 'item', limit: 1 }))).toBeLessThan(500_000);
    const { history } = test;
    const { position: at } = (await history.snapshots.findOne({ run: 'job@15' })) ?? { position: '' };
    const epoch = await epochAt({ history, dataset, position: at });
    if (!epoch) throw new Error('expected an epoch');
    for (const keys of [['item'], ['item', 'small', 'c', 'd', 'e']]) expect(await answered(test, 'versions', () => readKnown({ history, epoch, at, keys }))).toBeLessThan(250_000);
    const whole = (await readHistory({ database, dataset, key: 'item', limit: 100 })).versions;
    expect(whole.map(({ data }) => (data as { name: number }).name)).toEqual(Array.from({ length: 20 }, (_, index) => 19 - index));
    // A page is full of bytes before it is full of versions; the pages are the whole all the same.
    const paged: Version[] = [];
    const sizes: number[] = [];
    for (let after: string | undefined, more = true; more;) {
      const page = await readHistory({ database, dataset, key: 'item', limit: 100, after, maxBytes: 2_000_000 });
      paged.push(...page.versions);
      sizes.push(page.versions.length);
      after = page.next;
      more = after !== undefined;
    }
    expect(paged).toEqual(whole);
    expect(Math.max(...sizes)).toBeLessThan(10);
    for (const moment of [{}, { run: 'job@02' }]) {
      const page = await readItems({ database, dataset, limit: 100, maxBytes: 1_000, ...moment });
      expect([page.items.map(({ key }) => key), page.next]).toEqual([['item'], 'item']);
      const rest = await readItems({ database, dataset, limit: 100, maxBytes: 1_000, after: page.next, ...moment });
      expect([rest.items.map(({ key }) => key), rest.next]).toEqual([['small'], undefined]);
    }
    const differences: Difference[] = [];
    for (let after: string | undefined, more = true; more;) {
      const page = await diffMoments({ database, dataset, from: { run: 'job@02' }, to: {}, limit: 100, after, maxBytes: 1_000 });
      expect(page.differences).toHaveLength(1);
      differences.push(...page.differences);
      after = page.next;
      more = after !== undefined;
    }
    expect(differences).toEqual((await diffMoments({ database, dataset, from: { run: 'job@02' }, to: {}, limit: 100 })).differences);
    expect(differences.map(({ key }) => key)).toEqual(['item', 'small']);
  }));

  it('ends an epoch by the bytes of its log', () => withStorage(async (test) => {
    const { database } = test;
    const job = await test.job();
    const { dataset } = job;
    for (let index = 0; index < 20; index += 1) await test.handle(messages.complete(await test.run(job, String(index).padStart(2, '0')), { item: text(index, 10_000) }, { observedAt: ago(100 - index) }));
    expect(await test.history.epochs.countDocuments()).toBe(4);
    const { versions } = await readHistory({ database, dataset, key: 'item', limit: 100 });
    expect(versions.map(({ data }) => (data as { name: number }).name)).toEqual(Array.from({ length: 20 }, (_, index) => 19 - index));
    expect(await answered(test, 'versions', () => readItems({ database, dataset, run: 'job@18', limit: 5 }))).toBeLessThan(100_000);
  }, { layout: { ...layoutLimits, logBytes: 50_000 } }));
});

it('a snapshot of large items is written before its transaction, in commands that the server takes, and a late one that is too much for a transaction fails clearly', () => withStorage(async (test) => {
  const job = await test.job();
  const values = (name: string) => Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`k${index}`, text(name, 7_000)]));
  for (const [name, seconds] of [['1', 30], ['2', 10]] as const) {
    const run = await test.run(job, name);
    await test.handle(messages.complete(run, values(name), { observedAt: ago(seconds) }));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'succeeded', counts: { total: 3_000 } });
  }
  const late = await test.run(job, 'late');
  await test.handle(messages.complete(late, values('late'), { observedAt: ago(20) }));
  expect(await findRun({ database: test.database, run: late._id })).toMatchObject({ state: 'failed', error: { class: 'snapshot_too_large', message: expect.stringContaining('bytes of changes') } });
  expect(await readItems({ database: test.database, dataset: job.dataset, limit: 1 })).toMatchObject({ total: 3_000, items: [{ data: { name: '2' } }] });
}, { limits: { bytes: 20_000_000 as never } }));
