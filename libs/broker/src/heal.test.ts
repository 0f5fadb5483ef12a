import { describe, expect, it } from '@jest/globals';
import type { Channel } from 'amqplib';
import type { BrokerManagement } from '../../../test/support/brokerManagement.ts';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import { withPrivateBroker } from '../../../test/support/withPrivateBroker.ts';
import type { Broker, Handler } from './brokerTypes.ts';
import { createConsumer } from './consume.ts';
import { routesOf } from './core/routes.ts';
import { openLink } from './link.ts';
import { done } from './outcome.ts';
import { captureLog, testTopology, withConnected } from './testing/withConnected.ts';

const toWork = { exchange: 'work', routingKey: 'work', type: 'test.v1', body: { n: 1 } };
const held = async (management: BrokerManagement): Promise<Record<string, number>> =>
  Object.fromEntries(Object.entries(await management.queueCounts()).flatMap(([name, { ready, unacked }]) => (ready + unacked > 0 ? [[name, ready + unacked]] : [])));

/** Publishes without a pause until `disturb` (begun after the first hundred) is over, and ends when all were confirmed, all handled and no queue holds any. */
async function underLoad(broker: Broker, management: BrokerManagement, disturb: () => Promise<unknown>): Promise<void> {
  const handled = new Set<string>();
  broker.consume({ queue: 'work', concurrency: 20, handler: ({ messageId }) => (handled.add(messageId), done()) });
  let disturbed = false;
  let confirmed = 0;
  const publishing = (async () => {
    while (!disturbed) {
      const batch = Array.from({ length: 50 }, (_, i) => broker.publish({ ...toWork, messageId: `m${confirmed + i}`, deadlineMs: 60_000 }));
      confirmed += (await Promise.all(batch)).length;
    }
  })();
  await until(() => handled.size >= 100);
  await disturb();
  disturbed = true;
  await publishing;
  await until(() => handled.size === confirmed, { timeout: 40_000, what: 'every message handled', see: () => [handled.size, confirmed] });
  await until(async () => Object.keys(await held(management)).length === 0, { what: 'empty queues', see: () => held(management) });
}

/** A consumer on a connection whose channels the test can reach, to do what no caller could. */
async function withRawConsumer(
  fn: (parts: {
    readonly broker: Broker;
    readonly management: BrokerManagement;
    readonly consumer: { handle: Handler; readonly settled: string[] };
    readonly channels: readonly Channel[];
    readonly tags: readonly string[];
    readonly generation: () => number;
  }) => Promise<void>,
): Promise<void> {
  await withBroker(({ url, management }) =>
    withConnected({ url }, async (broker) => {
      await broker.declare(testTopology);
      const log = captureLog();
      const link = openLink({ url, name: 'raw', log, failFast: true, connectTimeoutMs: 5_000 });
      const model = await link.up();
      const channels: Channel[] = [];
      const tags: string[] = [];
      const open = model.createChannel.bind(model);
      model.createChannel = async (options) => {
        const channel = await open(options);
        const consume = channel.consume.bind(channel);
        channel.consume = async (...parameters) => {
          const reply = await consume(...parameters);
          tags.push(reply.consumerTag);
          return reply;
        };
        channels.push(channel);
        return channel;
      };
      const consumer: { handle: Handler; readonly settled: string[] } = { handle: () => done(), settled: [] };
      const running = createConsumer({
        link,
        queue: 'work',
        concurrency: 1,
        handle: (delivery) => consumer.handle(delivery),
        routes: () => routesOf('work', testTopology),
        publish: (request) => broker.publish(request),
        heal: async () => undefined,
        onHealed: () => () => undefined,
        requeueDelayMs: 10,
        onSettled: (how) => consumer.settled.push(how),
        log,
      });
      try {
        await fn({ broker, management, consumer, channels, tags, generation: () => link.generation });
      } finally {
        await running.stop({ deadlineMs: 1_000 });
        await link.close(1_000);
      }
    }),
  );
}

describe('healing', () => {
  it('connections closed by the broker under load: all confirmed, all handled, nothing left', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        await underLoad(broker, management, async () => {
          await management.closeConnections({ expected: 2 });
          await until(() => broker.stats().reconnects >= 2);
        });
        expect(broker.health().ok).toBe(true);
      }),
    );
  });

  it('a broker killed and started again under load: all confirmed, all handled, nothing left', async () => {
    await withPrivateBroker(({ url, management, kill, start }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        await underLoad(broker, management, async () => {
          await kill();
          await until(() => !broker.health().ok);
          await start();
          await until(() => broker.health().ok);
        });
        expect(broker.stats().repeated).toBeGreaterThan(0);
      }),
    );
  }, 120_000);

  it('a queue deleted under its consumer: declared again and consumed', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        const handled: string[] = [];
        const consumer = broker.consume({ queue: 'work', concurrency: 2, handler: ({ messageId }) => (handled.push(messageId), done()) });
        await consumer.ready;
        await management.deleteQueue('work');
        // By the cancel alone: nobody publishes, and the watch would take 5 s.
        await until(async () => (await management.queueCounts())['work']?.consumers === 1, { timeout: 3_500 });
        await management.deleteQueue('work');
        await broker.publish({ ...toWork, messageId: 'after' });
        await until(() => handled.includes('after'));
        expect((await management.queueCounts())['work']).toMatchObject({ consumers: 1, ready: 0 });
      }),
    );
  });

  it('a channel closed by the broker (406, unknown delivery tag): another one consumes, stale acks are dropped, the delivery comes again', async () => {
    await withRawConsumer(async ({ broker, management, consumer, channels, generation }) => {
      const release = Promise.withResolvers<void>();
      const deliveries: { redelivered: boolean; signal: AbortSignal }[] = [];
      consumer.handle = async ({ redelivered, signal }) => {
        deliveries.push({ redelivered, signal });
        if (deliveries.length === 1) await release.promise;
        return done();
      };
      await broker.publish({ ...toWork, messageId: 'm1' });
      await until(() => deliveries.length === 1);
      const forged = { fields: { deliveryTag: 999, redelivered: false, exchange: '', routingKey: '' }, properties: { headers: {} }, content: Buffer.alloc(0) };
      channels[0]?.ack(forged as unknown as Parameters<Channel['ack']>[0]);
      await until(() => deliveries.length === 2, { what: 'the delivery again, on the next channel' });
      expect(deliveries[0]?.signal.aborted).toBe(true);
      expect(deliveries[1]).toMatchObject({ redelivered: true });
      release.resolve();
      await until(() => consumer.settled.length === 2);
      expect(consumer.settled.toSorted()).toEqual(['done', 'stale']);
      expect(generation()).toBe(1);
      await until(async () => Object.keys(await held(management)).length === 0);
      // Had the stale ack reached the new channel, it would have been closed as well.
      expect(channels).toHaveLength(2);
    });
  });

  it('a consumer that the broker has forgotten without a word: noticed, and consumed again', async () => {
    await withRawConsumer(async ({ broker, consumer, channels, tags }) => {
      await until(() => tags.length === 1);
      await channels[0]?.cancel(tags[0] ?? '');
      await until(() => channels.length === 2, { what: 'another channel, although no message ever came' });
      const handled: string[] = [];
      consumer.handle = ({ messageId }) => (handled.push(messageId), done());
      await broker.publish({ ...toWork, messageId: 'm1' });
      await until(() => handled.length === 1);
      expect(channels).toHaveLength(2);
    });
  });

  it('a blocked broker: publishers wait or fail with `blocked`, consumers go on acknowledging, and all is sent once it takes messages again', async () => {
    await withPrivateBroker(({ url, management, evaluate }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        const held40 = Array.from({ length: 40 }, (_, n) => broker.publish({ ...toWork, messageId: `before${n}` }));
        await Promise.all(held40);
        await evaluate('rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).');
        const long = broker.publish({ ...toWork, routingKey: 'plain', messageId: 'long', deadlineMs: 60_000 });
        await until(() => !broker.health().ok);
        expect(broker.health().detail['publish']).toMatch(/^blocked/);
        await expect(broker.publish({ ...toWork, messageId: 'short', deadlineMs: 300 })).rejects.toMatchObject({ code: 'blocked' });
        let handled = 0;
        const consumer = broker.consume({ queue: 'work', concurrency: 5, handler: () => ((handled += 1), done()) });
        await until(() => handled === 40);
        await until(async () => (await management.queueCounts())['work']?.unacked === 0, { what: 'acknowledged although publishing is blocked' });
        await consumer.stop();
        await evaluate('rabbit_alarm:clear_alarm({resource_limit, memory, node()}).');
        await long;
        expect(await held(management)).toEqual({ plain: 1 });
        await until(() => broker.health().ok);
      }),
    );
  }, 120_000);
});
