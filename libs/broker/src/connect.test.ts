import { describe, expect, it } from '@jest/globals';
import { connect } from 'amqplib';
import { withBroker } from '../../../test/support/withBroker.ts';
import { withServer } from '../../../test/support/withServer.ts';
import { connectBroker } from './connectBroker.ts';
import { captureLog, testTopology, withConnected } from './testing/withConnected.ts';

const attempt = (url: string, waitMs?: number) => connectBroker({ url, name: 'test', log: captureLog(), ...(waitMs === undefined ? {} : { waitMs }) });

describe('connectBroker', () => {
  it('fails at once, with a code and what to do, where waiting cannot help', async () => {
    await withBroker(async ({ url }) => {
      const wrongPassword = new URL(url);
      wrongPassword.password = 'not-the-password';
      const wrongVhost = new URL(url);
      wrongVhost.pathname = '/no-such-vhost';
      const started = performance.now();
      await expect(attempt(wrongPassword.toString())).rejects.toMatchObject({ code: 'access_refused', message: expect.stringContaining('AMQP_URL') });
      await expect(attempt(wrongVhost.toString())).rejects.toMatchObject({ code: 'no_such_vhost' });
      await expect(attempt('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'unreachable' });
      expect(performance.now() - started).toBeLessThan(10_000);
    });
  });

  it('never shows the password', async () => {
    await expect(attempt('amqp://someone:hunter2@127.0.0.1:1/x', 300)).rejects.toMatchObject({ code: 'unreachable', message: expect.not.stringContaining('hunter2'), details: { url: 'amqp://someone@127.0.0.1:1/x' } });
  });

  it('says unreachable of what is no broker, once its time is over', async () => {
    await withServer(
      (_request, response) => void response.end(),
      async ({ port }) => {
        await expect(attempt(`amqp://127.0.0.1:${port}`, 500)).rejects.toMatchObject({ code: 'unreachable' });
      },
    );
  });

  it('without waiting: starts unready, and every call ends by its own deadline', async () => {
    await withConnected({ url: 'amqp://127.0.0.1:1', waitMs: 0 }, async (broker) => {
      expect(broker.health()).toMatchObject({ ok: false, detail: { publish: 'connecting', consume: 'connecting' } });
      broker.announce('events', 'run.queued', {});
      await expect(broker.publish({ exchange: '', routingKey: 'q', type: 't', messageId: 'm', body: {}, deadlineMs: 200 })).rejects.toMatchObject({ code: 'connection_lost' });
      await expect(broker.request({ exchange: '', routingKey: 'q', type: 't', body: {}, deadlineMs: 200 })).rejects.toMatchObject({ code: 'connection_lost' });
      const consumer = broker.consume({ queue: 'q', concurrency: 1, handler: () => ({ kind: 'done' }) });
      await consumer.stop({ deadlineMs: 500 });
      await expect(consumer.ready).rejects.toMatchObject({ code: 'closed' });
    });
  });

  it('is ready when both connections stand', async () => {
    await withBroker(({ url, management }) =>
      withConnected({ url }, async (broker) => {
        expect(broker.health()).toMatchObject({ ok: true, detail: { publish: 'up', consume: 'up', waiting: 0 } });
        await broker.declare(testTopology);
        await broker.declare(testTopology);
        expect(Object.keys(await management.queueCounts()).toSorted()).toEqual(testTopology.queues.map(({ name }) => name).toSorted());
      }),
    );
  });

  it('names the queue whose arguments differ, and what to do', async () => {
    await withBroker(async ({ url }) => {
      const other = await connect(url);
      const channel = await other.createChannel();
      await channel.assertQueue('work.retry.400ms', { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-message-ttl': 999 } });
      await other.close();
      await withConnected({ url }, async (broker) => {
        await expect(broker.declare(testTopology)).rejects.toMatchObject({
          code: 'topology_mismatch',
          message: expect.stringMatching(/queue work\.retry\.400ms.*delete/),
        });
        expect(broker.health().ok).toBe(true);
      });
    });
  });
});
