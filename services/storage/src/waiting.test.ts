import { describe, expect, it } from '@jest/globals';
import { exchanges, queues, topology } from '@gleaner/contracts';
import { BrokerError, connectBroker, type PublishRequest } from '@gleaner/broker';
import { findRun, requestReplay, type RunDocument } from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import { consumeQueues } from './consumeQueues.ts';
import { executeDecisions } from './executeDecisions.ts';
import { executeReplays } from './executeReplays.ts';
import { messages, withStorage, type Message, type StorageTest } from './testing/withStorage.ts';
import { parkDead } from './parkDead.ts';
import { watchCommands } from './watchCommands.ts';

const buried = ({ type, body }: Message, extra: object = {}) => ({
  type, body, messageId: 'm1', exchange: exchanges.work, routingKey: queues.store, attempt: 4, firstSeenAt: '2026-11-21T05:00:00.000Z',
  headers: { reason: 'it could not be applied', class: 'retries_exhausted', 'dead-at': '2026-11-21T05:10:00.000Z' }, ...extra,
});
const letters = ({ database }: StorageTest) => database.collections.deadLetters;

describe('a replay that cannot be carried out yet', () => {
  /** Letters whose messages go by the ids `first`, `second` and `third`, all asked for. */
  const withLetters = (fn: (test: StorageTest, run: RunDocument) => Promise<void>) => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1', { state: 'queued' });
    for (const messageId of ['first', 'second', 'third']) {
      await parkDead({ parts: test.parts, delivery: buried(messages.complete({ ...run, attempts: 9 }, { a: 1 }), { messageId }), queue: queues.store });
      await requestReplay({ database: test.database, parts: [{ filter: { 'message.messageId': messageId } }], by: 'test' });
    }
    await fn(test, run);
  });
  const left = async (test: StorageTest) => (await letters(test).find({ state: 'parked', queue: queues.store }, { sort: { 'replay.requestedAt': 1 } }).toArray()).map(({ message, replay }) => [message?.messageId, replay?.failures]);

  it('is put off, longer each time, and holds up no other', () => withLetters(async (test) => {
    const tried: string[] = [];
    const parts = test.another({ broker: { announce: () => undefined, publish: async ({ messageId }) => { tried.push(messageId); if (messageId === 'first') throw new BrokerError('refused', 'too odd'); } } });
    for (let scan = 0; scan < 3; scan += 1) await executeReplays({ parts });
    expect(tried).toEqual(['first', 'second', 'third', 'first']);
    expect(await left(test)).toEqual([['first', 2]]);
    const [first] = await letters(test).find({ state: 'parked' }).toArray();
    expect((first?.replay?.notBefore?.getTime() ?? 0) - test.database.clock.now().getTime()).toBeGreaterThan(0);
    await letters(test).updateOne({ _id: first?._id ?? '' }, { $set: { 'replay.notBefore': new Date(0) } });
    await executeReplays({ parts });
    expect(await left(test)).toEqual([['first', 3]]);
  }));

  it('waits with all others while the broker is away', () => withLetters(async (test) => {
    let asked = 0;
    const parts = test.another({ broker: { announce: () => undefined, publish: async () => { asked += 1; throw new BrokerError('connection_lost', 'no broker'); } } });
    await executeReplays({ parts });
    expect(asked).toBe(1);
    expect(await left(test)).toEqual([['first', undefined], ['second', undefined], ['third', undefined]]);
  }));

  it('holds up no command that needs only the database, and no stop', () => withLetters(async (test, run) => {
    const publish = ({ signal }: PublishRequest): Promise<void> => new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => reject(new BrokerError('aborted', 'stopped'))); });
    const commands = watchCommands({ parts: test.another({ broker: { announce: () => undefined, publish } }), broker: { subscribe: () => ({ ready: Promise.resolve(), stop: async () => undefined }) }, scanMs: 50 });
    await test.handle(messages.failed(run, { class: 'bad_body' }));
    await requestReplay({ database: test.database, parts: [{ filter: { run: run._id, queue: queues.collect } }], by: 'test' });
    await until(async () => (await findRun({ database: test.database, run: run._id }))?.state === 'due', { what: 'the failed run being due again' });
    await commands.stop();
    expect(await left(test)).toHaveLength(3);
  }));
});

it('a decision that cannot be carried out yet holds up no other', () => withStorage(async (test) => {
  const job = await test.job();
  const ids: string[] = [];
  for (const name of ['1', '2']) ids.push((await test.run(job, name, { state: 'quarantined', decision: { accept: false, by: 'test', at: new Date() } }))._id);
  let ending = 0;
  const parts = test.another({ onStep: (step) => { if (step === 'before the failure commits' && (ending += 1) === 1) throw new Error('crash'); } });
  const states = async () => (await Promise.all(ids.map((run) => findRun({ database: test.database, run })))).map((run) => run?.state ?? 'gone').toSorted();
  await executeDecisions({ parts });
  expect(await states()).toEqual(['failed', 'quarantined']);
  await executeDecisions({ parts });
  expect(await states()).toEqual(['failed', 'failed']);
}));

it('while the database is away for long, gives messages back, takes none, and goes on by itself', () => withStorage((test) => withBroker(async ({ url, management }) => {
  const log = createLogger({ service: 'storage-test', level: 'silent' });
  const broker = await connectBroker({ url, name: 'storage-test', log });
  try {
    await broker.declare(topology);
    let away = true;
    const lost = (): never => { throw Object.assign(new Error('no database'), { code: 'ECONNREFUSED' }); };
    const database = new Proxy(test.database, { get: (target, name, receiver) => (away && (name === 'collections' || name === 'ping') ? (name === 'ping' ? async () => lost() : lost()) : Reflect.get(target, name, receiver) as unknown) });
    const consumers = consumeQueues({ parts: test.another({ broker, database }), broker, concurrency: 4, patienceMs: 300 });
    const run = await test.run(await test.job(), '1');
    const { type, body } = messages.complete(run, { a: 1 });
    await broker.publish({ exchange: exchanges.work, routingKey: queues.store, type, body, messageId: 'm' });
    await until(async () => (await management.queueCounts())[queues.store]?.consumers === 1, { what: 'the consumer' });
    await until(async () => {
      const { ready, consumers: taking } = (await management.queueCounts())[queues.store] ?? {};
      return ready === 1 && taking === 0;
    }, { what: 'the message being back in its queue, and nobody taking it', see: () => management.queueCounts() });
    away = false;
    await until(async () => (await findRun({ database: test.database, run: run._id }))?.state === 'succeeded', { what: 'the run succeeded' });
    expect(broker.stats().settled).toMatchObject({ requeued: 1, retried: 0, dead: 0 });
    await Promise.all(consumers.map((consumer) => consumer.stop()));
  } finally {
    await broker.close();
  }
})));
