import { describe, expect, it } from '@jest/globals';
import { deadQueues, exchanges, messageTypes, queues, topology, wakeKeys } from '@gleaner/contracts';
import { connectBroker } from '@gleaner/broker';
import { deleteJob, findRun, requestReplay } from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import { consumeQueues } from './consumeQueues.ts';
import { executeReplays } from './executeReplays.ts';
import { messages, withStorage, type Message, type StorageTest } from './testing/withStorage.ts';
import { parkDead } from './parkDead.ts';
import { sweepBatches } from './sweep/sweepBatches.ts';
import { watchCommands } from './watchCommands.ts';

const buried = ({ type, body }: Message, extra: object = {}) => ({
  type, body, messageId: 'm1', exchange: exchanges.work, routingKey: queues.store, attempt: 4, firstSeenAt: '2026-11-21T05:00:00.000Z',
  headers: { reason: 'it could not be applied', class: 'retries_exhausted', 'dead-at': '2026-11-21T05:10:00.000Z' }, ...extra,
});
const letters = ({ database }: StorageTest) => database.collections.deadLetters;

describe('a failed report', () => {
  it('makes the run wait for its next try, once however often it comes', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1');
    for (let copy = 0; copy < 3; copy += 1) await test.handle(messages.failed(run, { class: 'http_5xx', status: 503, retryAfterMs: 60_000, origin: 'https://next.example' }));
    const waiting = await findRun({ database: test.database, run: run._id });
    expect(waiting).toMatchObject({ state: 'retrying', rev: 2, error: { class: 'http_5xx', status: 503, retryAfterMs: 60_000, origin: 'https://next.example', at: expect.any(Date) } });
    expect((waiting?.nextAttemptAt?.getTime() ?? 0) - test.database.clock.now().getTime()).toBeGreaterThan(50_000);
    expect(await letters(test).countDocuments({})).toBe(0);
  }));

  it('without tries left fails the run with a letter in the same transaction', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1', { attempts: 5 });
    const message = messages.failed(run, { class: 'network', message: 'connection refused', evidence: { url: 'https://upstream.example/' } });
    const crashing = test.another({ onStep: (step) => { if (step === 'before the failure commits') throw new Error('crash'); } });
    await expect(test.handle(message, crashing)).rejects.toThrow('crash');
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'running', rev: 1 });
    for (let copy = 0; copy < 3; copy += 1) await test.handle(message);
    const failed = await findRun({ database: test.database, run: run._id });
    expect(failed).toMatchObject({ state: 'failed', rev: 2, error: { class: 'network', message: 'connection refused' } });
    expect(await letters(test).find().toArray()).toMatchObject([{ _id: failed?.letter, queue: 'collect', class: 'network', reason: 'connection refused', attempts: 5, state: 'parked', evidence: { url: 'https://upstream.example/' } }]);
  }));

  it('of an attempt that another has replaced changes nothing', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1', { state: 'queued' });
    await test.handle(messages.started(run, 'A'));
    const begun = await findRun({ database: test.database, run: run._id });
    expect((begun?.deadline?.getTime() ?? 0) - (begun?.startedAt?.getTime() ?? 0)).toBe(600_000);
    await test.handle(messages.started(run, 'B'));
    expect((await findRun({ database: test.database, run: run._id }))?.deadline?.getTime()).toBeGreaterThan(begun?.deadline?.getTime() ?? Infinity);
    await test.handle(messages.started(run, 'A')); // a late copy
    await test.handle(messages.failed(run, { class: 'network' }, 'A'));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'running', attempt: 'B' });
    await test.handle(messages.failed(run, { class: 'network' }, 'B'));
    const waiting = await findRun({ database: test.database, run: run._id });
    expect(waiting).toMatchObject({ state: 'retrying' });
    expect(waiting).not.toHaveProperty('deadline');
    await test.handle(messages.started(run, 'C'));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'retrying' });
  }));

  it('is beaten by a result, whenever that comes, and its letter is superseded', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1');
    await test.handle(messages.failed(run, { class: 'bad_body' }));
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'failed' });
    await test.handle(messages.complete(run, { a: 1 }, { attempt: 'other' }));
    await test.handle(messages.failed(run, { class: 'bad_body' }));
    const ended = await findRun({ database: test.database, run: run._id });
    expect(ended).toMatchObject({ state: 'succeeded' });
    expect(ended?.error).toBeUndefined();
    expect(await letters(test).find().toArray()).toMatchObject([{ state: 'superseded' }]);
  }));
});

describe('parking', () => {
  it('ends the run in the same transaction, once however often the message is seen', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1');
    const message = buried(messages.complete(run, { a: 1 }));
    const crashing = test.another({ onStep: (step) => { if (step === 'before the letter commits') throw new Error('crash'); } });
    await expect(parkDead({ parts: crashing, delivery: message, queue: queues.store })).rejects.toThrow('crash');
    expect(await letters(test).countDocuments({})).toBe(0);
    for (let copy = 0; copy < 3; copy += 1) expect(await parkDead({ parts: test.parts, delivery: message, queue: queues.store })).toEqual({ kind: 'done' });
    const failed = await findRun({ database: test.database, run: run._id });
    expect(failed).toMatchObject({ state: 'failed', rev: 2, error: { class: 'retries_exhausted' } });
    expect(await letters(test).find().toArray()).toMatchObject([{ _id: failed?.letter, queue: 'store', run: run._id, class: 'retries_exhausted', attempts: 4, state: 'parked', deadAt: new Date('2026-11-21T05:10:00.000Z') }]);
  }));

  it.each([
    ['a heartbeat does not end a run', { type: messageTypes.report, kind: 'heartbeat' }, 'running'],
    ['nor does a batch of an older try', { type: messageTypes.batch, try: 1 }, 'running'],
    ['a batch of the present try does', { type: messageTypes.batch, try: 2 }, 'failed'],
    ['not while the run waits for its next try', { type: messageTypes.batch, try: 2, of: { state: 'retrying' } }, 'retrying'],
    ['nor when it is due again', { type: messageTypes.batch, try: 2, of: { state: 'due' } }, 'due'],
    ['nor where another attempt of the try has begun since', { type: messageTypes.batch, try: 2, of: { attempt: 'B', startedAttempts: ['A', 'B'] } }, 'running'],
    ['but where its own beginning was not told yet', { type: messageTypes.batch, try: 2, of: { attempt: 'B', startedAttempts: ['B'] } }, 'failed'],
  ] as const)('%s', (_, of, state) => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1', { attempts: 2, ...('of' in of ? of.of : {}) });
    const head = { v: 1, run: run._id, job: run.job, dataset: run.dataset, jobVersion: 1, try: 'try' in of ? of.try : 2, queuedAt: new Date().toISOString(), attempt: 'A' };
    const body = of.type === messageTypes.batch ? { ...head, seq: 0, items: [] } : { ...head, kind: of.kind, n: 1 };
    await parkDead({ parts: test.parts, delivery: buried({ type: of.type, body: Buffer.from(JSON.stringify(body)) }), queue: queues.store });
    expect(await letters(test).countDocuments({ state: 'parked' })).toBe(1);
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state });
  }));

  it('reads what the broker itself gave up, and bytes that are no text', () => withStorage(async (test) => {
    const body = Buffer.from([0xff, 0x00, 0xfe]);
    const xDeath = [{ exchange: 'gleaner', queue: 'collect', reason: 'delivery_limit', 'routing-keys': ['collect'], time: { '!': 'timestamp', value: 1_795_237_200 } }];
    await parkDead({ parts: test.parts, queue: queues.collect, delivery: { ...buried({ type: '', body }), headers: { 'x-death': xDeath }, exchange: 'gleaner.dead', routingKey: 'collect', messageId: '' } });
    expect(await letters(test).find().toArray()).toMatchObject([{ class: 'broker', reason: 'the broker gave the message up: delivery_limit', payload: body.toString('base64'), message: { exchange: 'gleaner', routingKey: 'collect', encoding: 'base64' }, deadAt: new Date(1_795_237_200_000) }]);
  }));
});

describe('a replay', () => {
  it('of a failed run makes it due again with the current version, once, and its letter tells', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1', { attempts: 5 });
    await test.handle(messages.failed(run, { class: 'network' }));
    await test.job({ title: 'changed' });
    expect(await requestReplay({ database: test.database, parts: [{ filter: { run: run._id } }], by: 'test' })).toBe(1);
    const crashing = test.another({ onStep: (step) => { if (step === 'before the replay commits') throw new Error('crash'); } });
    await executeReplays({ parts: crashing });
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'failed' });
    await Promise.all([executeReplays({ parts: test.parts }), executeReplays({ parts: test.another() })]);
    await executeReplays({ parts: test.parts });
    const due = await findRun({ database: test.database, run: run._id });
    expect(due).toMatchObject({ state: 'due', jobVersion: 2, attempts: 5, maxAttempts: 10 });
    expect(due?.letter).toBeUndefined();
    expect(await letters(test).find().toArray()).toMatchObject([{ state: 'replayed', replays: 1 }]);
  }));

  it('as original keeps the version, and the letter of a run that fails again is one replay higher', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1');
    await test.handle(messages.failed(run, { class: 'bad_body' }));
    await test.job({ title: 'changed' });
    await requestReplay({ database: test.database, parts: [{ filter: { run: run._id } }], by: 'test', as: 'original' });
    await executeReplays({ parts: test.parts });
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'due', jobVersion: 1 });
    await test.database.collections.runs.updateOne({ _id: run._id }, { $set: { state: 'running', attempts: 2 } });
    const again = await findRun({ database: test.database, run: run._id });
    if (again) await test.handle(messages.failed(again, { class: 'bad_body' }));
    expect(await letters(test).findOne({ state: 'parked' })).toMatchObject({ replays: 1, try: 2 });
  }));

  it('is refused where the job is deleted', () => withStorage(async (test) => {
    const run = await test.run(await test.job(), '1');
    await test.handle(messages.failed(run, { class: 'bad_body' }));
    await requestReplay({ database: test.database, parts: [{ filter: {} }], by: 'test' });
    await deleteJob({ database: test.database, id: 'job', by: 'test' });
    await executeReplays({ parts: test.parts });
    expect(await letters(test).find().toArray()).toMatchObject([{ state: 'parked', replay: { error: 'job_deleted' } }]);
    expect(await executeReplays({ parts: test.parts })).toBe(0);
  }));

  it('of a message publishes it to where it was going, and its result beats the failure', () => withStorage(async (test) => {
    const job = await test.job();
    const run = await test.run(job, '1');
    const message = messages.complete(run, { a: 1 });
    await parkDead({ parts: test.parts, delivery: buried(message), queue: queues.store });
    await requestReplay({ database: test.database, parts: [{ filter: { queue: 'store' } }], by: 'test' });
    const crashing = test.another({ onStep: (step) => { if (step === 'between publish and mark') throw new Error('crash'); } });
    await executeReplays({ parts: crashing });
    await executeReplays({ parts: test.parts });
    expect(test.published).toHaveLength(2); // a crash between the two publishes twice; the effect comes once
    expect(test.published[1]).toMatchObject({ exchange: exchanges.work, routingKey: queues.store, messageId: 'm1', type: message.type, headers: { 'replay-count': 1 } });
    for (const { type, body } of test.published) await test.handle({ type, body: body as Buffer });
    expect(await findRun({ database: test.database, run: run._id })).toMatchObject({ state: 'succeeded' });
    expect(await test.history.heads.findOne({ _id: job.dataset })).toMatchObject({ rev: 1 });
  }));
});

it('does not send a message again whose run has succeeded meanwhile: its letter is superseded', () => withStorage(async (test) => {
  const run = await test.run(await test.job(), '1', { attempts: 2 });
  // Of an older try: its death did not end the run.
  await parkDead({ parts: test.parts, delivery: buried(messages.complete({ ...run, attempts: 1 }, { a: 1 })), queue: queues.store });
  await test.handle(messages.complete(run, { a: 2 }));
  await requestReplay({ database: test.database, parts: [{ filter: { run: run._id } }], by: 'test' });
  await executeReplays({ parts: test.parts });
  expect(test.published).toEqual([]);
  expect(await letters(test).find().toArray()).toMatchObject([{ state: 'superseded' }]);
}));

it('keeps an incomplete set for the letter that one of its batches became, and lets it go with its run otherwise', () => withStorage(async (test) => {
  const job = await test.job();
  const [lost, over] = [await test.run(job, '1'), await test.run(job, '2')];
  const [first, second, complete] = messages.set(lost, { a: 1, b: 2 }, { batches: 2 }) as [Message, Message, Message];
  for (const message of [first, complete, ...messages.set(over, { a: 1, b: 2 }, { batches: 2 }).slice(0, 1)]) await test.handle(message);
  await parkDead({ parts: test.parts, delivery: buried(second), queue: queues.store });
  await test.handle(messages.failed(over, { class: 'bad_body' }));
  expect(await sweepBatches({ parts: test.parts })).toBe(1);
  await requestReplay({ database: test.database, parts: [{ filter: { queue: 'store' } }], by: 'test' });
  await executeReplays({ parts: test.parts });
  await test.handle(second);
  expect(await findRun({ database: test.database, run: lost._id })).toMatchObject({ state: 'succeeded', counts: { added: 2 } });
  expect(await test.history.batches.countDocuments({})).toBe(0);
}));

it('on a real broker: takes what comes, parks what dies, replays what is asked for', () => withStorage((test) => withBroker(async ({ url }) => {
  const log = createLogger({ service: 'storage-test', level: 'silent' });
  const broker = await connectBroker({ url, name: 'storage-test', log });
  try {
    await broker.declare(topology);
    const parts = test.another({ broker });
    const consumers = consumeQueues({ parts, broker, concurrency: 4 });
    const commands = watchCommands({ parts, broker, scanMs: 3_600_000 });
    const job = await test.job();
    const [run, dying] = [await test.run(job, '1'), await test.run(job, '2')];
    const send = ({ type, body }: Message, messageId: string) => broker.publish({ exchange: exchanges.work, routingKey: queues.store, type, body, messageId });
    const set = messages.set(run, { a: 1, b: 2, c: 3 }, { batches: 3 });
    await Promise.all([...set, ...set].toReversed().map((message, index) => send(message, `m${index}`)));
    await until(async () => (await findRun({ database: test.database, run: run._id }))?.state === 'succeeded', { what: 'the run succeeded' });
    const bad = JSON.parse(messages.complete(dying, { a: 5 }).body.toString()) as { items: { h?: string }[] };
    delete bad.items[0]?.h;
    await send({ type: messageTypes.report, body: Buffer.from(JSON.stringify(bad)) }, 'bad');
    const letter = await until(() => letters(test).findOne({ run: dying._id }), { what: 'the letter' });
    expect(letter).toMatchObject({ queue: 'store', class: 'unreadable', state: 'parked', message: { exchange: exchanges.work, routingKey: queues.store, messageId: 'bad' } });
    expect(await findRun({ database: test.database, run: dying._id })).toMatchObject({ state: 'failed', letter: letter._id });
    await requestReplay({ database: test.database, parts: [{ filter: { _id: letter._id } }], by: 'test' });
    // Marked by a gateway, which tells of it: no scan is near.
    await until(async () => {
      broker.announce(exchanges.events, wakeKeys.command, { kind: 'command', what: 'replay' });
      return (await letters(test).countDocuments({ _id: letter._id, state: 'replayed' })) === 1;
    }, { what: 'the replay' });
    // It dies again, as a new letter: nothing of it was repaired.
    await until(async () => (await letters(test).countDocuments({ run: dying._id, state: 'parked', replays: 1, replayOf: letter._id })) === 1, { what: 'the second letter' });
    await commands.stop();
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    expect(Object.values(deadQueues)).toContain('store.dead');
  } finally {
    await broker.close();
  }
})));
