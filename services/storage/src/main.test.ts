import { expect, it } from '@jest/globals';
import { exchanges, queues } from '@gleaner/contracts';
import { connectBroker } from '@gleaner/broker';
import { connectDatabase, findRun, insertRun, newRun, putJob, setupDatabase } from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import { startService } from '../../../test/support/serviceProcess.ts';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import { withMongo } from '../../../test/support/withMongo.ts';
import { definitionOf, messages } from './testing/withStorage.ts';

it('runs as a process: refuses a database that is not set up, applies what comes, says that it is ready, and ends in order', () => withMongo(async ({ url, databaseName }) => withBroker(async ({ url: amqpUrl }) => {
  const env = { MONGO_URL: url, AMQP_URL: amqpUrl };
  await expect(startService({ name: 'storage', env })).rejects.toThrow('schema_too_old');
  const database = await connectDatabase({ url, databaseName, appName: 'test' });
  const broker = await connectBroker({ url: amqpUrl, name: 'test', log: createLogger({ service: 'test', level: 'silent' }) });
  try {
    await setupDatabase({ database });
    const storage = await startService({ name: 'storage', env });
    const { job } = await putJob({ database, id: 'job', definition: definitionOf(), by: 'test' });
    const now = database.clock.now();
    const run = newRun({ id: 'job@1', job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5, extra: { state: 'queued', attempts: 1, queuedAt: now } });
    await insertRun({ database, run });
    const { type, body } = messages.complete(run, { a: 1 });
    await broker.publish({ exchange: exchanges.work, routingKey: queues.store, type, body, messageId: 'm' });
    await until(async () => (await findRun({ database, run: run._id }))?.state === 'succeeded', { see: () => storage.lines });
    expect((await fetch(`${storage.url}/health/ready`)).status).toBe(200);
    storage.signal('SIGTERM');
    expect(await storage.exited).toBe(0);
    expect(storage.lines.filter((line) => line.includes('"level":"error"') || line.includes('"level":"warn"'))).toEqual([]);
  } finally {
    await broker.close();
    await database.close();
  }
})));
