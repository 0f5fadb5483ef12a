import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import type { BrokerManagement } from '../../../test/support/brokerManagement.ts';
import { BrokerError } from './brokerError.ts';
import { testTopology, withConnected } from './testing/withConnected.ts';
import { withTcpProxy } from './testing/withTcpProxy.ts';

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    if (error instanceof BrokerError) return error.code;
    throw error;
  }
};
const toWork = { exchange: 'work', routingKey: 'work', type: 'test.v1', body: { n: 1 } };
const toDead = { ...toWork, exchange: 'dead' };
const readyCounts = async (management: BrokerManagement): Promise<Record<string, number>> =>
  Object.fromEntries(Object.entries(await management.queueCounts()).flatMap(([name, { ready }]) => (ready > 0 ? [[name, ready]] : [])));

describe('publish', () => {
  it('resolves once the message is in its queue, with its properties', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        await broker.publish({ ...toDead, messageId: 'm1', correlationId: 'run-1', headers: { tenant: 'a' }, body: { text: 'grüße' } });
        expect(await readyCounts(management)).toEqual({ 'work.dead': 1 });
        const [message] = await management.messages('work.dead');
        expect(message).toMatchObject({
          payload: '{"text":"grüße"}',
          headers: { tenant: 'a' },
          exchange: 'dead',
          routingKey: 'work',
          properties: { message_id: 'm1', correlation_id: 'run-1', type: 'test.v1', delivery_mode: 2, content_type: 'application/json' },
        });
        // Seconds, not milliseconds: the broker and its tools read it so.
        expect(Math.abs(Number(message?.properties['timestamp']) - Date.now() / 1000)).toBeLessThan(60);
      }),
    );
  });

  it('rejects what no queue takes, and only that', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        const results = await Promise.all(
          ['work', 'nowhere', 'work', 'elsewhere', 'work'].map((routingKey, n) => codeOf(broker.publish({ ...toWork, routingKey, messageId: `m${n}` }))),
        );
        expect(results).toEqual(['resolved', 'unroutable', 'resolved', 'unroutable', 'resolved']);
        expect(await readyCounts(management)).toEqual({ work: 3 });
      }),
    );
  });

  it('rejects a message to an exchange that does not exist without losing its neighbours', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        const results = await Promise.all(
          Array.from({ length: 30 }, (_, n) => codeOf(broker.publish({ ...toDead, exchange: n === 7 ? 'missing' : 'dead', messageId: `m${n}` }))),
        );
        expect(results.filter((code) => code === 'resolved')).toHaveLength(29);
        expect(results[7]).toBe('unroutable');
        const ids = (await management.messages('work.dead')).map(({ properties }) => properties['message_id']);
        expect(new Set(ids).size).toBe(29);
      }),
    );
  });

  it('declares the topology again when a queue has gone, and publishes', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        await management.deleteQueue('work');
        await broker.publish({ ...toWork, messageId: 'm1' });
        expect(await readyCounts(management)).toEqual({ work: 1 });
      }),
    );
  });

  it('refuses headers beyond 64 KiB, bodies beyond 16 MiB and headers that cannot be encoded, and goes on', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        expect(await codeOf(broker.publish({ ...toWork, messageId: 'm1', headers: { big: 'x'.repeat(140_000) } }))).toBe('too_large');
        expect(await codeOf(broker.publish({ ...toWork, messageId: 'm2', body: Buffer.alloc(16 * 1024 * 1024 + 1) }))).toBe('too_large');
        expect(await codeOf(broker.publish({ ...toWork, messageId: 'm3', headers: { odd: Symbol('no') } }))).toBe('refused');
        expect(await codeOf(broker.publish({ ...toWork, messageId: 'm4' }))).toBe('resolved');
        expect(await readyCounts(management)).toEqual({ work: 1 });
        expect(broker.stats()).toMatchObject({ inFlight: 0, waiting: 0, inFlightBytes: 0 });
      }),
    );
  });

  it('keeps at most 8 MiB and the set number of messages unconfirmed, first come first sent', async () => {
    await withBroker(({ url }) =>
      withConnected({ url, limits: { maxInFlight: 20 } }, async (broker) => {
        await broker.declare(testTopology);
        const order: number[] = [];
        let most = 0;
        let mostBytes = 0;
        const look = (): void => {
          most = Math.max(most, broker.stats().inFlight);
          mostBytes = Math.max(mostBytes, broker.stats().inFlightBytes);
        };
        const small = Array.from({ length: 500 }, (_, n) => broker.publish({ ...toWork, messageId: `s${n}` }).then(() => (look(), order.push(n))));
        look();
        expect(broker.stats().waiting).toBe(480);
        await Promise.all(small);
        expect(most).toBe(20);
        expect(order).toEqual(order.toSorted((a, b) => a - b));
        const big = Array.from({ length: 20 }, (_, n) => broker.publish({ ...toWork, messageId: `b${n}`, body: Buffer.alloc(1024 * 1024) }).then(look));
        look();
        await Promise.all(big);
        expect(mostBytes).toBe(8 * 1024 * 1024);
        expect(broker.stats()).toMatchObject({ inFlight: 0, waiting: 0, inFlightBytes: 0 });
      }),
    );
  });

  it('waits out a lost connection within its deadline, and says so beyond it', async () => {
    await withBroker(({ url, management }) =>
      withTcpProxy(url, (proxy) =>
        withConnected({ url: proxy.url, connectTimeoutMs: 500, limits: { confirmTimeoutMs: 500 } }, async (broker) => {
          await broker.declare(testTopology);
          proxy.blackHole();
          await management.closeConnections({ expected: 2 });
          const short = codeOf(broker.publish({ ...toWork, messageId: 'short', deadlineMs: 300 }));
          const long = codeOf(broker.publish({ ...toWork, messageId: 'long', deadlineMs: 60_000 }));
          expect(['connection_lost', 'confirm_timeout']).toContain(await short);
          proxy.heal();
          expect(await long).toBe('resolved');
          expect(Object.keys(await readyCounts(management))).toEqual(['work']);
        }),
      ),
    );
  });

  it('publishes again, with the same id, what was never confirmed', async () => {
    await withBroker(({ url, management }) =>
      withTcpProxy(url, (proxy) =>
        withConnected({ url: proxy.url, limits: { confirmTimeoutMs: 500 } }, async (broker) => {
          await broker.declare(testTopology);
          proxy.swallowAnswers();
          await broker.publish({ ...toDead, messageId: 'once' });
          const ids = (await management.messages('work.dead')).map(({ properties }) => properties['message_id']);
          // The first copy arrived, only its confirm was lost: a duplicate with the same id, never a loss.
          expect(ids).toEqual(['once', 'once']);
          expect(broker.stats()).toMatchObject({ repeated: 1, published: 1 });
        }),
      ),
    );
  });

  it('gives up with its signal, and refuses after close', async () => {
    await withBroker(({ url }) =>
      withTcpProxy(url, (proxy) =>
        withConnected({ url: proxy.url }, async (broker) => {
          await broker.declare(testTopology);
          proxy.swallowAnswers();
          const giveUp = new AbortController();
          const pending = codeOf(broker.publish({ ...toWork, messageId: 'm1', signal: giveUp.signal }));
          giveUp.abort();
          expect(await pending).toBe('aborted');
          expect(await codeOf(broker.publish({ ...toWork, messageId: 'm2', signal: AbortSignal.abort() }))).toBe('aborted');
          const left = codeOf(broker.publish({ ...toWork, messageId: 'm3' }));
          await broker.close({ deadlineMs: 1_000 });
          expect(await left).toBe('closed');
          expect(await codeOf(broker.publish({ ...toWork, messageId: 'm4' }))).toBe('closed');
        }),
      ),
    );
  });
});

describe('announce', () => {
  it('never throws, drops while not connected, and reaches subscribers again after a reconnect', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        const heard: unknown[] = [];
        let gaps = 0;
        const subscription = broker.subscribe({ exchange: 'news', routingKeys: ['run.*'], handler: ({ json, routingKey }) => heard.push([routingKey, json()]), onGap: () => (gaps += 1) });
        await subscription.ready;
        broker.announce('news', 'run.queued', { n: 1 });
        broker.announce('news', 'job.changed', { n: 2 });
        await until(() => heard.length === 1);
        expect(heard).toEqual([['run.queued', { n: 1 }]]);
        await management.closeConnections({ expected: 2 });
        await until(() => broker.stats().reconnects >= 2);
        await until(() => gaps === 1);
        await until(() => {
          broker.announce('news', 'run.failed', { n: 3 });
          return heard.length > 1;
        });
        expect(heard[1]).toEqual(['run.failed', { n: 3 }]);
        await subscription.stop();
      }),
    );
  });
});
