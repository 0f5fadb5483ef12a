import { randomUUID } from 'node:crypto';
import { topology } from '@gleaner/contracts';
import { connectBroker } from '@gleaner/broker';
import { connectDatabase, expectSchema } from '@gleaner/database';
import { createLogger, createMetrics, runService, startHealthServer } from '@gleaner/runtime';
import { readConfig } from './config.ts';
import { holdLeadership } from './holdLeadership.ts';
import { leadTerm } from './leadTerm.ts';

const config = readConfig();
const log = createLogger({ service: 'scheduler', level: config.logLevel });

await runService({
  name: 'scheduler',
  log,
  start: async (life) => {
    const { times, origins } = config;
    const database = await connectDatabase({ url: config.mongoUrl, appName: 'gleaner-scheduler' });
    life.onRelease('database', () => database.close());
    await expectSchema({ database });
    const broker = await connectBroker({ url: config.amqpUrl, name: 'scheduler', log });
    life.onRelease('broker', (deadlineMs) => broker.close({ deadlineMs }));
    await broker.declare(topology);

    const metrics = createMetrics();
    const ticks = metrics.counter('gleaner_ticks_published_total', 'Ticks that the broker has confirmed.');
    const leadership = holdLeadership({
      database, owner: randomUUID(), times, log,
      lead: (term) => leadTerm({ database, broker, times, origins, log, onPublished: () => { ticks.inc(); } }, term),
    });
    life.onRelease('leadership', () => leadership.stop());
    metrics.gaugeFrom('gleaner_leading', '1 while this copy leads.', () => (leadership.leading ? 1 : 0));

    const health = await startHealthServer({
      service: 'scheduler', host: config.healthHost, port: config.healthPort, metrics,
      checks: {
        database: async () => { await database.ping(); return { ok: true, detail: leadership.leading ? 'leading' : 'waiting' }; },
        broker: () => broker.health(),
      },
    });
    life.onRelease('health', () => health.close());
    life.stopping.addEventListener('abort', () => { health.setStopping(); });
  },
});
