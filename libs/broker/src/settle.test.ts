import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import type { BrokerManagement } from '../../../test/support/brokerManagement.ts';
import type { Broker } from './brokerTypes.ts';
import { dead, done, retry } from './outcome.ts';
import type { CapturedLog } from './testing/withConnected.ts';
import { testTopology, withConnected } from './testing/withConnected.ts';

const toWork = { exchange: 'work', routingKey: 'work', type: 'test.v1', body: { n: 1 } };
/** Ready and unacknowledged messages of every queue that holds any. */
const held = async (management: BrokerManagement): Promise<Record<string, number>> =>
  Object.fromEntries(Object.entries(await management.queueCounts()).flatMap(([name, { ready, unacked }]) => (ready + unacked > 0 ? [[name, ready + unacked]] : [])));
/** The broker tells of acknowledgements a fifth of a second late. */
const onlyHeld = (management: BrokerManagement, expected: Record<string, number>): Promise<unknown> =>
  until(async () => isDeepStrictEqual(await held(management), expected), { what: `only ${JSON.stringify(expected)} held`, see: () => held(management) });
const withTopology = (fn: (broker: Broker, management: BrokerManagement, log: CapturedLog) => Promise<void>): Promise<void> =>
  withBroker(({ url, management }) =>
    withConnected({ url }, async (broker, log) => {
      await broker.declare(testTopology);
      await fn(broker, management, log);
    }),
  );

describe('settling', () => {
  it('done: acknowledged, nothing left anywhere, nothing logged as an error', async () => {
    await withTopology(async (broker, management, log) => {
      const seen: string[] = [];
      broker.consume({ queue: 'work', concurrency: 5, handler: ({ messageId }) => (seen.push(messageId), done()) });
      await Promise.all(Array.from({ length: 50 }, (_, n) => broker.publish({ ...toWork, messageId: `m${n}` })));
      await until(async () => seen.length === 50 && Object.keys(await held(management)).length === 0);
      expect(new Set(seen).size).toBe(50);
      expect(broker.stats().settled).toEqual({ done: 50, retried: 0, dead: 0, requeued: 0, stale: 0 });
      expect(log.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    });
  });

  it('retry: climbs the ladder with growing attempts and waits, then dies with its reason', async () => {
    await withTopology(async (broker, management) => {
      const tries: { attempt: number; at: number; headers: unknown; exchange: string; firstSeenAt: string }[] = [];
      broker.consume({
        queue: 'work',
        concurrency: 1,
        handler: ({ attempt, headers, exchange, firstSeenAt }) => {
          tries.push({ attempt, at: performance.now(), headers, exchange, firstSeenAt });
          return retry(`try ${attempt} failed`);
        },
      });
      await broker.publish({ ...toWork, messageId: 'm1', correlationId: 'run-1', headers: { tenant: 'a' } });
      await until(async () => (await held(management))['work.dead'] === 1);
      expect(tries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
      const waits = tries.slice(1).map(({ at }, n) => at - (tries[n]?.at ?? 0));
      [200, 400, 800].forEach((ms, n) => {
        expect(waits[n]).toBeGreaterThanOrEqual(ms - 20);
        expect(waits[n]).toBeLessThan(ms * 4);
      });
      expect(new Set(tries.map(({ exchange }) => exchange))).toEqual(new Set(['work']));
      expect(new Set(tries.map(({ firstSeenAt }) => firstSeenAt)).size).toBe(1);
      const [letter] = await management.messages('work.dead');
      expect(letter).toMatchObject({
        payload: '{"n":1}',
        properties: { message_id: 'm1', correlation_id: 'run-1', type: 'test.v1', delivery_mode: 2 },
        headers: { tenant: 'a', attempt: 4, reason: 'try 4 failed', class: 'retries_exhausted', 'source-queue': 'work', 'origin-exchange': 'work', 'origin-routing-key': 'work', 'first-seen-at': tries[0]?.firstSeenAt },
      });
      expect(Object.keys(letter?.headers ?? {}).filter((name) => name.startsWith('x-'))).toEqual([]);
      await onlyHeld(management, { 'work.dead': 1 });
    });
  });

  it('retry with afterMs waits on the smallest rung that is long enough', async () => {
    await withTopology(async (broker, management) => {
      let tries = 0;
      broker.consume({ queue: 'work', concurrency: 1, handler: () => (++tries === 1 ? retry('busy', 500) : done()) });
      await broker.publish({ ...toWork, messageId: 'm1' });
      await until(async () => (await held(management))['work.retry.800ms'] === 1, { what: 'the message on its rung' });
      await until(async () => tries === 2 && Object.keys(await held(management)).length === 0);
    });
  });

  it('dead: into the dead-letter queue with reason, class and details, at once', async () => {
    await withTopology(async (broker, management) => {
      broker.consume({ queue: 'work', concurrency: 1, handler: () => dead('no such job', { class: 'unreadable', details: { job: 'x' } }) });
      await broker.publish({ ...toWork, messageId: 'm1' });
      await until(async () => (await held(management))['work.dead'] === 1);
      const [letter] = await management.messages('work.dead');
      expect(letter?.headers).toMatchObject({ reason: 'no such job', class: 'unreadable', details: '{"job":"x"}', attempt: 1, 'source-queue': 'work' });
      expect(Date.parse(String(letter?.headers['dead-at']))).toBeGreaterThan(Date.now() - 60_000);
      await onlyHeld(management, { 'work.dead': 1 });
    });
  });

  it('a body that is no JSON dies at once; a throw is tried again', async () => {
    await withTopology(async (broker, management, log) => {
      let throws = 0;
      broker.consume({
        queue: 'work',
        concurrency: 2,
        handler: ({ json }) => {
          json();
          throws += 1;
          if (throws === 1) throw new Error('the database is away');
          return done();
        },
      });
      await broker.publish({ ...toWork, messageId: 'bad', body: '{"half":' });
      await until(async () => (await held(management))['work.dead'] === 1);
      expect((await management.messages('work.dead'))[0]?.headers).toMatchObject({ class: 'unreadable', attempt: 1 });
      await broker.publish({ ...toWork, messageId: 'good' });
      await until(async () => throws === 2 && (await held(management))['work'] === undefined);
      await onlyHeld(management, { 'work.dead': 1 });
      expect(log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual(['a handler threw; its message is tried again']);
    });
  });

  it('without a ladder: given back until the broker’s own limit parks it', async () => {
    await withTopology(async (broker, management) => {
      let tries = 0;
      broker.consume({ queue: 'plain', concurrency: 1, requeueDelayMs: 10, handler: () => ((tries += 1), retry('not now')) });
      await broker.publish({ ...toWork, routingKey: 'plain', messageId: 'm1' });
      await until(async () => (await held(management))['plain.dead'] === 1);
      expect(tries).toBe(4); // the first, and three more by its limit
      await onlyHeld(management, { 'plain.dead': 1 });
    });
  });

  it('keeps the message while its dead-letter queue is missing, and buries it when it is back', async () => {
    await withTopology(async (broker, management) => {
      await management.deleteQueue('work.dead');
      broker.consume({ queue: 'work', concurrency: 1, handler: () => dead('no') });
      await broker.publish({ ...toWork, messageId: 'm1' });
      await until(async () => (await held(management))['work.dead'] === 1, { what: 'the dead letter, after the queue was declared again' });
      await onlyHeld(management, { 'work.dead': 1 });
    });
  });

  it('buries a message whose headers are too big to be sent again', async () => {
    await withTopology(async (broker, management) => {
      broker.consume({ queue: 'work', concurrency: 1, handler: () => dead('r'.repeat(5_000), { details: 'd'.repeat(100_000) }) });
      await broker.publish({ ...toWork, messageId: 'm1', headers: { big: 'x'.repeat(60_000) } });
      await until(async () => (await held(management))['work.dead'] === 1);
      const [letter] = await management.messages('work.dead');
      expect(letter?.headers).toMatchObject({ 'headers-dropped': true, attempt: 1 });
      expect(String(letter?.headers['reason'])).toHaveLength(500);
    });
  });
});
