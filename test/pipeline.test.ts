import type { RequestListener } from 'node:http';
import { connectBroker } from '@gleaner/broker';
import { messageTypes, type ItemsAnswer, type LetterAnswer, type RunAnswer } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { until } from './support/until.ts';
import { withGleaner, type Gleaner } from './support/withGleaner.ts';
import { withServer } from './support/withServer.ts';

const quietLog = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** An upstream that a test steers: what it answers, whether it waits, how often it was asked. */
function upstream(initial: unknown) {
  const state = { answer: initial, status: 200, held: undefined as Promise<void> | undefined, requests: 0 };
  const handler: RequestListener = (_request, response) => {
    state.requests += 1;
    void (async () => {
      await state.held;
      response.writeHead(state.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(state.answer));
    })();
  };
  return { state, handler };
}

const jobFor = (url: string, extra: object = {}) => ({ source: { http: { url, retry: { attempts: 1 } } }, key: 'id', fields: { price: 'price' }, ...extra });
const items = async (gleaner: Gleaner, job: string, query = '') => (await gleaner.api<ItemsAnswer>('GET', `/v1/jobs/${job}/items${query}`)).body;
const dataOf = (answer: ItemsAnswer) => Object.fromEntries(answer.items.map(({ key, data }) => [key, data]));

async function runNow(gleaner: Gleaner, job: string): Promise<string> {
  const { status, body } = await gleaner.api<RunAnswer>('POST', `/v1/jobs/${job}/runs`, {});
  expect({ status, body }).toMatchObject({ status: 202 });
  return body.id;
}

/** What the dataset looks like from every side: equal before and after means that nothing changed. */
async function whole(gleaner: Gleaner, job: string) {
  const [now, snapshots, history, letters] = await Promise.all([
    items(gleaner, job), gleaner.api('GET', `/v1/jobs/${job}/snapshots`), gleaner.api('GET', `/v1/jobs/${job}/history?key=a`), gleaner.api('GET', `/v1/dead-letters?job=${job}`),
  ]);
  return { now: now.items, snapshots: snapshots.body, history: history.body, letters: letters.body };
}

async function expectQueuesEmpty(gleaner: Gleaner) {
  const counts = await gleaner.management.queueCounts();
  for (const [queue, { ready, unacked }] of Object.entries(counts)) expect({ queue, ready, unacked }).toEqual({ queue, ready: 0, unacked: 0 });
}

describe('the pipeline', () => {
  it('a due fire ends as items read at the gateway, and each later fire as what changed', () => withGleaner(async (gleaner) => {
    const { state, handler } = upstream([{ id: 'a', price: 1 }, { id: 'b', price: 2 }]);
    await withServer(handler, async ({ url }) => {
      await gleaner.putJob('prices', jobFor(url, { schedule: { every: '1s' } }));
      await until(async () => (await items(gleaner, 'prices')).items.length === 2, { what: 'items being readable', see: () => gleaner.database.collections.runs.find().toArray() });
      const first = await items(gleaner, 'prices');
      expect(dataOf(first)).toEqual({ a: { price: 1 }, b: { price: 2 } });
      state.answer = [{ id: 'a', price: 3 }, { id: 'c', price: 4 }];
      const now = await until(async () => {
        const answer = await items(gleaner, 'prices');
        return dataOf(answer)['c'] === undefined ? false : answer;
      });
      expect(dataOf(now)).toEqual({ a: { price: 3 }, c: { price: 4 } });
      expect(dataOf(await items(gleaner, 'prices', `?at=${first.at}`))).toEqual({ a: { price: 1 }, b: { price: 2 } });
      const fires = await gleaner.database.collections.runs.find({ job: 'prices' }).sort({ scheduledAt: 1 }).toArray();
      expect(fires.every((run) => run.scheduledAt.getTime() % 1_000 === 0 && run.trigger === 'schedule')).toBe(true);
      expect(new Set(fires.map((run) => run.scheduledAt.getTime())).size).toBe(fires.length);
    });
  }));

  it('the same tick delivered three times changes nothing', () => withGleaner(async (gleaner) => {
    const { handler } = upstream([{ id: 'a', price: 1 }]);
    await withServer(handler, async ({ url }) => {
      await gleaner.putJob('prices', jobFor(url));
      await gleaner.find('collector').end(); // the tick waits in its queue, where it can be copied
      const run = await runNow(gleaner, 'prices');
      await until(async () => (await gleaner.management.queueCounts())['collect']?.ready === 1);
      const broker = await connectBroker({ url: gleaner.amqpUrl, name: 'test', log: quietLog });
      try {
        const ticks: { body: Buffer; messageId: string }[] = [];
        const tap = broker.consume({ queue: 'collect', concurrency: 1, handler: (delivery) => { ticks.push({ body: delivery.body, messageId: delivery.messageId }); return { kind: 'done' }; } });
        await until(() => ticks.length === 1);
        await tap.stop();
        for (let copy = 0; copy < 3; copy += 1)
          for (const tick of ticks) await broker.publish({ exchange: 'gleaner', routingKey: 'collect', type: messageTypes.tick, messageId: tick.messageId, body: tick.body });
      } finally {
        await broker.close();
      }
      await gleaner.start('collector');
      await gleaner.runIn(run, ['succeeded']);
      await gleaner.quiet();
      const { body: { snapshots } } = await gleaner.api<{ snapshots: unknown[] }>('GET', '/v1/jobs/prices/snapshots');
      expect(snapshots).toHaveLength(1);
      expect(await gleaner.database.collections.runs.countDocuments({ job: 'prices' })).toBe(1);
      expect(await gleaner.api('GET', '/v1/jobs/prices/history?key=a')).toMatchObject({ body: { versions: [{ data: { price: 1 } }] } });
      await expectQueuesEmpty(gleaner);
    });
  }));

  it('every message delivered twice in random order changes nothing', () => withGleaner(async (gleaner) => {
    const large = (price: number) => Array.from({ length: 6_000 }, (_, index) => ({ id: `k${index}`, price, name: 'x'.repeat(200) }));
    const { state, handler } = upstream(large(1));
    await withServer(handler, async ({ url }) => {
      await gleaner.putJob('prices', { ...jobFor(url), fields: { price: 'price', name: 'name' } });
      const first = await runNow(gleaner, 'prices');
      await gleaner.runIn(first, ['succeeded']);
      await gleaner.find('storage').end(); // what the collector says from here on lies in `store`
      state.answer = large(2);
      const second = await runNow(gleaner, 'prices');
      const broker = await connectBroker({ url: gleaner.amqpUrl, name: 'test', log: quietLog });
      try {
        const messages: { body: Buffer; messageId: string; type: string }[] = [];
        const tap = broker.consume({ queue: 'store', concurrency: 10, handler: ({ body, messageId, type }) => { messages.push({ body, messageId, type }); return { kind: 'done' }; } });
        await until(() => messages.some(({ body }) => /"kind":"(complete|changes)"/.test(body.toString('latin1', 0, 4_000))), { timeout: 20_000 });
        await tap.stop();
        expect(messages.filter(({ type }) => type === messageTypes.batch).length).toBeGreaterThan(2);
        const twice = [...messages, ...messages].map((message) => ({ message, order: Math.random() })).sort((a, b) => a.order - b.order);
        for (const { message } of twice) await broker.publish({ exchange: 'gleaner', routingKey: 'store', ...message });
      } finally {
        await broker.close();
      }
      await gleaner.start('storage');
      await gleaner.start('storage'); // two at once
      const run = await gleaner.runIn(second, ['succeeded']);
      expect(run.counts).toMatchObject({ kept: 6_000, changed: 6_000, added: 0, removed: 0 });
      await gleaner.quiet();
      const before = await whole(gleaner, 'prices');
      expect(before.snapshots).toMatchObject({ snapshots: [{ run: second }, { run: first }] });
      expect(await items(gleaner, 'prices', '?limit=3')).toMatchObject({ total: 6_000, items: [{ key: 'k0', data: { price: 2 } }, { key: 'k1' }, { key: 'k10' }] });
      expect(await gleaner.api('GET', '/v1/jobs/prices/history?key=k7')).toMatchObject({ body: { versions: [{ data: { price: 2 } }, { data: { price: 1 } }] } });
      await expectQueuesEmpty(gleaner);
    });
  }));

  it('an upstream that fails ends as a dead letter, and its replay after the upstream heals gives the snapshot', () => withGleaner(async (gleaner) => {
    const { state, handler } = upstream([{ id: 'a', price: 1 }]);
    await withServer(handler, async ({ url }) => {
      state.status = 503;
      await gleaner.putJob('prices', jobFor(url));
      const run = await runNow(gleaner, 'prices');
      const failed = await gleaner.runIn(run, ['failed']);
      expect(failed.error).toMatchObject({ class: 'http_5xx', status: 503 });
      const { body: { letters } } = await gleaner.api<{ letters: LetterAnswer[] }>('GET', '/v1/dead-letters?job=prices');
      expect(letters).toMatchObject([{ queue: 'collect', run, class: 'http_5xx', state: 'parked' }]);
      const letter = letters[0]?.id ?? '';
      expect((await gleaner.api<LetterAnswer>('GET', `/v1/dead-letters/${letter}`)).body.evidence).toMatchObject({ status: 503, body: expect.stringContaining('price') });
      state.status = 200;
      await Promise.all([1, 2, 3].map(() => gleaner.api('POST', '/v1/dead-letters/replay', { ids: [letter] })));
      await gleaner.runIn(run, ['succeeded']);
      expect(dataOf(await items(gleaner, 'prices'))).toEqual({ a: { price: 1 } });
      await gleaner.quiet();
      expect((await gleaner.api<LetterAnswer>('GET', `/v1/dead-letters/${letter}`)).body).toMatchObject({ state: 'replayed', replays: 1 });
      expect(state.requests).toBe(2);
      await expectQueuesEmpty(gleaner);
    });
  }));

  describe.each(['scheduler', 'collector', 'storage', 'gateway'] as const)('%s killed with -9 in the middle of a run', (victim) => {
    it('the run ends, once', () => withGleaner(async (gleaner) => {
      const { state, handler } = upstream([{ id: 'a', price: 1 }]);
      await withServer(handler, async ({ url }) => {
        const held = Promise.withResolvers<void>();
        state.held = held.promise;
        await gleaner.putJob('prices', jobFor(url, { source: { http: { url } } }));
        const run = await runNow(gleaner, 'prices');
        await until(() => state.requests > 0, { what: 'the collector asking the upstream' });
        await gleaner.kill(victim);
        held.resolve();
        await gleaner.start(victim);
        const ended = await gleaner.runIn(run, ['succeeded', 'unchanged', 'failed'], 30_000);
        expect(ended.state).toBe('succeeded');
        await gleaner.quiet(30_000);
        const { body: { snapshots } } = await gleaner.api<{ snapshots: unknown[] }>('GET', '/v1/jobs/prices/snapshots');
        expect(snapshots).toHaveLength(1);
        expect(await gleaner.database.collections.runs.countDocuments()).toBe(1);
        expect(dataOf(await items(gleaner, 'prices'))).toEqual({ a: { price: 1 } });
        await expectQueuesEmpty(gleaner);
      });
    }));
  });
});
