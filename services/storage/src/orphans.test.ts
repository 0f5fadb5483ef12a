import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { connectDatabase, findRun, historyCollectionsOf, isRefused, MongoServerError, orphanedTransactions } from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import { until } from '../../../test/support/until.ts';
import { withPrivateMongo } from '../../../test/support/withPrivateMongo.ts';
import { messages, withStorage, type Message } from './testing/withStorage.ts';
import { endOrphans } from './endOrphans.ts';

const log = createLogger({ service: 'storage-test', level: 'silent' });

/** A storage as a process that has written in its transaction, and goes no further. */
async function storageInTransaction({ url, databaseName, message }: { readonly url: string; readonly databaseName: string; readonly message: Message }) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing/dyingStorage.ts'), url, databaseName, message.type, 'before the commit'], { env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' }, stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  child.stdin.end(message.body);
  expect(String((await Promise.race([once(child.stdout, 'data'), gone]))[0])).toBe('before the commit\n');
  return { end: async () => { child.kill('SIGKILL'); await gone; } };
}

describe('what a killed storage had begun', () => {
  // A server of its own: any storage on the same one would end the transaction too.
  const onServer = (fn: (given: Parameters<Parameters<typeof withStorage>[0]>[0] & { url: string; databaseName: string }) => Promise<void>) =>
    withPrivateMongo(({ url, databaseName }) => withStorage((test) => fn({ ...test, url, databaseName }), { server: { url, databaseName } }));

  it('is ended and taken over: the run ends at once, and everything is there once', () => onServer(async ({ url, databaseName, ...test }) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const message = messages.complete(run, { a: 1, b: 2 });
    const storage = await storageInTransaction({ url, databaseName, message });
    const transactions = orphanedTransactions({ database: test.database });
    expect(await transactions.end()).toBe(0); // it lives
    await storage.end();
    const applied = test.handle(message);
    // The write conflict that a second storage gets until then.
    await expect(test.database.collections.runs.updateOne({ _id: run._id }, { $set: { deadline: new Date() } }, { maxTimeMS: 500 })).rejects.toMatchObject({ code: 50 });
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'running' });
    await until(async () => (await transactions.end()) === 1, { what: 'the orphan being found' });
    expect(await applied).toEqual({ kind: 'done' });
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'succeeded', counts: { added: 2 } });
    expect(await test.history.snapshots.countDocuments({ dataset: job.dataset })).toBe(1);
    expect(await transactions.end()).toBe(0);
  }), 60_000);

  it('is ended after a while too where its connection stands, as when its machine is lost, and a storage that only hung repeats it', () => onServer(async ({ url, databaseName, ...test }) => {
    let now = 0;
    const transactions = orphanedTransactions({ database: test.database, hungMs: 15_000, monotonic: () => now });
    const job = await test.job();
    const run = await test.run(job, '1');
    let release: () => void = () => undefined;
    const hung = new Promise<void>((resolve) => { release = resolve; });
    const database = await connectDatabase({ url, databaseName, appName: 'gleaner-storage' });
    try {
      let steps = 0;
      const parts = test.another({ database, history: historyCollectionsOf(database.db), onStep: (step) => (step === 'before the commit' && (steps += 1) === 1 ? hung : undefined) });
      const applied = test.handle(messages.complete(run, { a: 1 }), parts);
      await until(() => steps === 1, { what: 'the transaction being open' });
      expect(await transactions.end()).toBe(0);
      now = 14_999;
      expect(await transactions.end()).toBe(0);
      now = 15_000;
      expect(await transactions.end()).toBe(1);
      release();
      expect(await applied).toEqual({ kind: 'done' });
      expect(steps).toBe(2);
      expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'succeeded', counts: { added: 1 } });
    } finally {
      await database.close();
    }
  }), 60_000);

  it('is left to the server where that does not show its transactions, and it is asked no more', async () => {
    let asked = 0;
    const step = endOrphans({ log, transactions: { end: async () => { asked += 1; throw new MongoServerError({ message: 'not authorized', code: 13 }); } } });
    await step();
    await step();
    expect(asked).toBe(1);
    await expect(endOrphans({ log, transactions: { end: async () => { throw new MongoServerError({ message: 'not primary', code: 10_107 }); } } })()).rejects.toThrow('not primary');
    expect(isRefused(new Error('x'))).toBe(false);
  });
});
