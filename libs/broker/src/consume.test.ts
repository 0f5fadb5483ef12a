import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import { done } from './outcome.ts';
import { testTopology, withConnected } from './testing/withConnected.ts';
import { withTcpProxy } from './testing/withTcpProxy.ts';

const toWork = { exchange: 'work', routingKey: 'work', type: 'test.v1', body: { n: 1 } };
const isAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));

describe('consume', () => {
  it('runs at most `concurrency` handlers at once', async () => {
    await withBroker(({ url }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        await Promise.all(Array.from({ length: 12 }, (_, n) => broker.publish({ ...toWork, messageId: `m${n}` })));
        const gates: (() => void)[] = [];
        let most = 0;
        const consumer = broker.consume({
          queue: 'work',
          concurrency: 4,
          handler: async () => {
            most = Math.max(most, consumer.inFlight);
            await new Promise<void>((resolve) => gates.push(resolve));
            return done();
          },
        });
        for (let n = 1; n <= 12; n += 1) {
          await until(() => gates.length > 0);
          gates.shift()?.();
        }
        await until(() => broker.stats().settled.done === 12);
        expect(most).toBe(4);
      }),
    );
  });

  it('pauses and resumes: what runs goes on, nothing new comes meanwhile', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        const handled: string[] = [];
        const gate = Promise.withResolvers<void>();
        const consumer = broker.consume({
          queue: 'work',
          concurrency: 1,
          handler: async ({ messageId }) => {
            if (messageId === 'm0') await gate.promise;
            handled.push(messageId);
            return done();
          },
        });
        await broker.publish({ ...toWork, messageId: 'm0' });
        await until(() => consumer.inFlight === 1);
        await consumer.pause();
        expect(consumer.consuming).toBe(false);
        await broker.publish({ ...toWork, messageId: 'm1' });
        gate.resolve();
        await until(() => consumer.inFlight === 0);
        expect(handled).toEqual(['m0']);
        await until(async () => (await management.queueCounts())['work']?.ready === 1);
        await consumer.resume();
        await until(() => handled.length === 2);
        expect(handled).toEqual(['m0', 'm1']);
      }),
    );
  });

  it('stop waits for what runs, then nothing is left in flight; a second stop is the same', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        await Promise.all(Array.from({ length: 5 }, (_, n) => broker.publish({ ...toWork, messageId: `m${n}` })));
        const gate = Promise.withResolvers<void>();
        let begun = 0;
        const consumer = broker.consume({ queue: 'work', concurrency: 2, handler: async () => ((begun += 1), await gate.promise, done()) });
        await until(() => begun === 2);
        const stopped = Promise.all([consumer.stop(), consumer.stop()]);
        gate.resolve();
        await stopped;
        expect(begun).toBe(2);
        await until(async () => {
          const { ready, unacked, consumers } = (await management.queueCounts())['work'] ?? {};
          return ready === 3 && unacked === 0 && consumers === 0;
        });
      }),
    );
  });

  it('a handler that is over time sees its signal and its message goes back', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        await broker.publish({ ...toWork, messageId: 'm1' });
        let told = false;
        const consumer = broker.consume({
          queue: 'work',
          concurrency: 1,
          handler: async ({ signal }) => {
            await isAborted(signal);
            told = true;
            return await new Promise<never>(() => undefined); // never ends, whatever it is told
          },
        });
        await until(() => consumer.inFlight === 1);
        const started = performance.now();
        await consumer.stop({ deadlineMs: 300 });
        expect(performance.now() - started).toBeLessThan(3_000);
        expect(told).toBe(true);
        await until(async () => (await management.queueCounts())['work']?.ready === 1);
      }),
    );
  });

  it('a handler that heeds its signal may still settle its message', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        await broker.publish({ ...toWork, messageId: 'm1' });
        const consumer = broker.consume({ queue: 'work', concurrency: 1, handler: async ({ signal }) => (await isAborted(signal), done()) });
        await until(() => consumer.inFlight === 1);
        await consumer.stop({ deadlineMs: 300 });
        expect(broker.stats().settled).toMatchObject({ done: 1, stale: 0 });
        expect((await management.queueCounts())['work']).toMatchObject({ ready: 0 });
      }),
    );
  });

  it('close never hangs, though the broker has fallen silent with a handler running and a publish open', async () => {
    await withBroker(({ url, management }) =>
      withTcpProxy(url, (proxy) =>
        withConnected({ url: proxy.url }, async (broker) => {
          await broker.declare(testTopology);
          await broker.publish({ ...toWork, messageId: 'm1' });
          const consumer = broker.consume({ queue: 'work', concurrency: 1, handler: () => new Promise<never>(() => undefined) });
          await until(() => consumer.inFlight === 1);
          proxy.blackHole();
          const open = broker.publish({ ...toWork, messageId: 'm2' }).catch((error: unknown) => error);
          const started = performance.now();
          await broker.close({ deadlineMs: 2_000 });
          expect(performance.now() - started).toBeLessThan(4_000);
          expect(await open).toMatchObject({ code: 'closed' });
          await management.closeConnections({ expected: 2 });
          await until(async () => (await management.queueCounts())['work']?.ready === 1);
        }),
      ),
    );
  });
});

describe('request and reply', () => {
  it('answers, in any order, to whom asked', async () => {
    await withBroker(({ url }) =>
      withConnected({ url }, async (gateway) => {
        await gateway.declare(testTopology);
        await withConnected({ url }, async (collector) => {
          collector.reply({ queue: 'ask', concurrency: 4, handler: ({ json }) => ({ echo: json() }) });
          const asked = await Promise.all([1, 2, 3].map((n) => gateway.request({ exchange: 'work', routingKey: 'ask', type: 'ask.v1', body: { n }, deadlineMs: 5_000 })));
          expect(asked).toEqual([{ echo: { n: 1 } }, { echo: { n: 2 } }, { echo: { n: 3 } }]);
        });
      }),
    );
  });

  it('tells the asker what went wrong: the other side’s error, no answer, no queue', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        await broker.declare(testTopology);
        const ask = (routingKey: string, deadlineMs: number) => broker.request({ exchange: 'work', routingKey, type: 'ask.v1', body: {}, deadlineMs });
        await expect(ask('ask', 300)).rejects.toMatchObject({ code: 'no_reply' });
        await until(async () => (await management.queueCounts())['ask']?.ready === 0, { timeout: 3_000, what: 'the request expired with its asker, not with its queue' });
        await expect(ask('nowhere', 5_000)).rejects.toMatchObject({ code: 'unroutable' });
        broker.reply({
          queue: 'ask',
          concurrency: 1,
          handler: () => {
            throw Object.assign(new Error('the address is private'), { code: 'blocked_address' });
          },
        });
        await expect(ask('ask', 5_000)).rejects.toMatchObject({ code: 'remote_error', message: 'the address is private', details: { code: 'blocked_address' } });
      }),
    );
  });
});
