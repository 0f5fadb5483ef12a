import { connectBroker } from '@gleaner/broker';
import { connectDatabase, ensureFirstKey, expectSchema, isDatabaseAway } from '@gleaner/database';
import { createLogger, createMetrics, everyCron, runService } from '@gleaner/runtime';
import { readConfig } from './config.ts';
import { createGateway } from './createGateway.ts';
import { startHttp } from './startHttp.ts';
import { version } from './version.ts';

const config = readConfig();
const log = createLogger({ service: 'gateway', level: config.logLevel });
const say = (line: string): void => void process.stdout.write(`${line}\n`);

await runService({
  name: 'gateway', log,
  start: async ({ onRelease, stopping }) => {
    const database = await connectDatabase({ url: config.mongoUrl, appName: 'gleaner-gateway' });
    onRelease('database', async () => await database.close());
    await expectSchema({ database });

    const broker = await connectBroker({ url: config.amqpUrl, name: 'gateway', log, waitMs: 0 });
    onRelease('broker', async (deadlineMs) => await broker.close({ deadlineMs }));
    const clock = everyCron({ name: 'clock', expression: '*/10 * * * * *', log, heals: isDatabaseAway, run: async () => await database.clock.sync() });
    onRelease('clock', async () => await clock.stop());

    const gateway = await createGateway({ database, broker, log, metrics: createMetrics(), stopping, version, trustProxy: config.trustProxy });
    onRelease('gateway', async () => await gateway.stop());
    const server = await startHttp({ handler: gateway.app.callback(), host: config.host, port: config.port });
    onRelease('http', async (deadlineMs) => await server.close({ deadlineMs: deadlineMs - 500 }));

    const firstKey = await ensureFirstKey({ database, given: config.adminKey });

    say(`gateway ready, health at ${server.address}`);
    say(`ready at ${server.address}`);
    // Told once, because only its hash is kept.
    if (firstKey !== undefined) say(`login: ${server.address}/?key=${firstKey}`);
  },
});
