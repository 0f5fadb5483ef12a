import { connect } from 'amqplib';
import { MongoClient } from 'mongodb';
import { describe, expect, it } from '@jest/globals';
import { processesWith, type SeenProcess } from './processesWith.ts';
import { until } from './until.ts';
import { withPrivateBroker } from './withPrivateBroker.ts';
import { withPrivateMongo } from './withPrivateMongo.ts';

const broker = (): SeenProcess[] => processesWith('PRIVATE_TEST=broker').filter(({ command }) => /beam\.smp|epmd/.test(command));
const mongod = (): SeenProcess[] => processesWith('PRIVATE_TEST=mongo').filter(({ command }) => command.includes('--replSet'));

describe('withPrivateBroker', () => {
  it('stops, kills and restarts a broker at one address, keeping what is durable, and leaves nothing', async () => {
    process.env['PRIVATE_TEST'] = 'broker';
    await withPrivateBroker(async ({ url, management, kill, start, restartBroker }) => {
      const put = async (text: string): Promise<void> => {
        const connection = await connect(url);
        connection.on('error', () => {});
        const channel = await connection.createConfirmChannel();
        await channel.assertQueue('kept', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
        channel.sendToQueue('kept', Buffer.from(text), { persistent: true });
        await channel.waitForConfirms();
        await connection.close();
      };
      expect(broker()).toHaveLength(2);
      await put('one');
      await restartBroker();
      await put('two');
      await kill();
      await expect(connect(url)).rejects.toThrow();
      await start();
      // RabbitMQ 4 takes connections before it lists its queues.
      await until(async () => (await management.queueCounts())['kept']?.ready === 2, { timeout: 60_000, what: 'both messages being there again', see: () => management.queueCounts() });
    });
    expect(broker()).toEqual([]);
  }, 180_000); // four starts and stops of a broker with its management plugin
});

describe('withPrivateMongo', () => {
  it('stops, kills and starts a mongod at one address, keeping what was written, and leaves nothing', async () => {
    process.env['PRIVATE_TEST'] = 'mongo';
    await withPrivateMongo(async ({ url, kill, start, stop }) => {
      const write = async (): Promise<number> => {
        const client = await MongoClient.connect(url, { serverSelectionTimeoutMS: 300 });
        try {
          await client.db().collection('a').insertOne({ x: 1 }, { writeConcern: { w: 'majority', journal: true } });
          return await client.db().collection('a').countDocuments();
        } finally {
          await client.close();
        }
      };
      expect(mongod()).toHaveLength(1);
      expect(await write()).toBe(1);
      await kill();
      await expect(write()).rejects.toThrow();
      await start();
      expect(await write()).toBe(2);
      await stop();
      await start();
      expect(await write()).toBe(3);
    });
    expect(mongod()).toEqual([]);
  });
});
