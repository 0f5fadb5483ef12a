import { describe, expect, it } from '@jest/globals';
import { connect } from 'amqplib';
import { MongoClient } from 'mongodb';
import { until } from './until.ts';
import { withBroker } from './withBroker.ts';
import { withMongo } from './withMongo.ts';
import { withServer } from './withServer.ts';

describe('withMongo', () => {
  it('gives a database with transactions, and drops it', async () => {
    const at = await withMongo(async ({ url, databaseName }) => {
      const client = await MongoClient.connect(url);
      try {
        await client.withSession(async (session) => await session.withTransaction(async () => {
          await client.db().collection('a').insertOne({ x: 1 }, { session });
        }));
        expect(client.db().databaseName).toBe(databaseName);
        expect(await client.db().collection('a').countDocuments()).toBe(1);
      } finally {
        await client.close();
      }
      return { url, databaseName };
    });
    const client = await MongoClient.connect(at.url);
    try {
      const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true });
      expect(databases.map((database) => database.name)).not.toContain(at.databaseName);
    } finally {
      await client.close();
    }
  });
});

describe('withBroker', () => {
  it('counts, shows and deletes in a vhost of its own', async () => {
    await withBroker(async ({ url, management }) => {
      const connection = await connect(url);
      connection.on('error', () => {});
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue('parked', { durable: true });
      await channel.assertQueue('work', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      await channel.assertQueue('', { exclusive: true });
      channel.sendToQueue('parked', Buffer.from('{"a":1}'), { persistent: true, headers: { why: 'test' } });
      for (let n = 0; n < 3; n += 1) channel.sendToQueue('work', Buffer.from(`${n}`), { persistent: true });
      await channel.waitForConfirms();
      const counts = await management.queueCounts();
      expect(counts).toMatchObject({ parked: { ready: 1, unacked: 0, consumers: 0 }, work: { ready: 3, unacked: 0, consumers: 0 } });
      expect(Object.keys(counts)).toHaveLength(3);

      await channel.prefetch(2);
      await channel.consume('work', () => {});
      await until(async () => (await management.queueCounts())['work']?.unacked === 2, { see: management.queueCounts });
      expect((await management.queueCounts())['work']).toEqual({ ready: 1, unacked: 2, consumers: 1 });

      for (let look = 0; look < 3; look += 1) {
        expect(await management.messages('parked')).toMatchObject([{ payload: '{"a":1}', headers: { why: 'test' }, routingKey: 'parked' }]);
      }
      await expect(management.messages('work')).rejects.toThrow(/quorum/);

      await management.deleteQueue('parked');
      expect(Object.keys(await management.queueCounts())).not.toContain('parked');

      const closed = new Promise((resolve) => { connection.once('close', resolve); });
      expect(await management.closeConnections()).toBe(1);
      await closed;
    });
  });

  it('keeps two tests apart', async () => {
    await withBroker(async (one) => await withBroker(async (other) => {
      const connection = await connect(one.url);
      await (await connection.createChannel()).assertQueue('only-here');
      expect(Object.keys(await one.management.queueCounts())).toEqual(['only-here']);
      expect(await other.management.queueCounts()).toEqual({});
      await connection.close();
    }));
  });
});

describe('until', () => {
  it('fails with what it saw last', async () => {
    let looks = 0;
    await expect(until(() => { looks += 1; return looks > 1_000 ? 'x' : null; }, { timeout: 50, interval: 1, see: () => ({ state: 'due' }) }))
      .rejects.toThrow(/state: 'due'/);
    await expect(until(() => { throw new Error('boom'); }, { timeout: 20 })).rejects.toThrow(/boom/);
    expect(await until(async () => 'value')).toBe('value');
  });
});

describe('withServer', () => {
  it('serves on a free port, and is gone afterwards', async () => {
    const url = await withServer((_request, response) => response.end('hello'), async (server) => {
      expect(await (await fetch(server.url)).text()).toBe('hello');
      return server.url;
    });
    await expect(fetch(url)).rejects.toThrow();
  });
});
