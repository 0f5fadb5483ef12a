import { ulid } from 'ulid';
import { topology } from '@gleaner/contracts';
import { connectBroker } from '@gleaner/broker';
import { connectDatabase, expectSchema, historyCollectionsOf } from '@gleaner/database';
import { createLogger, createMetrics, runService, startHealthServer } from '@gleaner/runtime';
import { readConfig } from './config.ts';
import { consumeQueues } from './consumeQueues.ts';
import { layoutLimits } from './core/planNewest.ts';
import { settleSetInHand } from './handleResult.ts';
import { createHashCache } from './hashCache.ts';
import { createKeyedTurns } from './keyedTurns.ts';
import { createRevisionCache } from './revisionCache.ts';
import { createSetsInHand } from './setsInHand.ts';
import { startHousekeeping } from './startHousekeeping.ts';
import { startStateAhead } from './stateAhead.ts';
import { transactionLimits, type StorageParts } from './storageParts.ts';
import { watchCommands } from './watchCommands.ts';

const config = readConfig();
const log = createLogger({ service: 'storage', level: config.logLevel });

await runService({
  name: 'storage', log,
  start: async (life) => {
    const metrics = createMetrics();
    const database = await connectDatabase({ url: config.mongoUrl, appName: 'gleaner-storage' });
    life.onRelease('database', () => database.close());
    await expectSchema({ database });
    const broker = await connectBroker({ url: config.amqpUrl, name: 'storage', log });
    life.onRelease('broker', (deadlineMs) => broker.close({ deadlineMs }));
    await broker.declare(topology);

    const cache = createHashCache({ limit: config.cachedHashes });
    const parts: StorageParts = {
      database, history: historyCollectionsOf(database.db), broker, cache, log, turns: createKeyedTurns(), revisions: createRevisionCache({ database }),
      // A few messages must stay free, or held sets could keep those that would complete them from coming.
      sets: createSetsInHand({ settle: (set) => settleSetInHand(parts, set), goAhead: (batch) => startStateAhead(parts, batch), most: Math.max(0, config.concurrency - 4) }),
      random: Math.random, newId: () => ulid(), limits: { layout: layoutLimits, ...transactionLimits },
    };
    metrics.gaugeFrom('gleaner_storage_cached_hashes', 'Item hashes held in memory.', () => cache.size);

    const housekeeping = startHousekeeping({ parts });
    life.onRelease('housekeeping', () => housekeeping.stop());
    const commands = watchCommands({ parts, broker });
    life.onRelease('commands', () => commands.stop());
    const consumers = consumeQueues({ parts, broker, concurrency: config.concurrency });
    life.onRelease('consumers', (deadlineMs) => Promise.all(consumers.map((consumer) => consumer.stop({ deadlineMs }))), { deadlineMs: 20_000 });

    const health = await startHealthServer({
      service: 'storage', host: config.healthHost, port: config.healthPort, metrics,
      checks: { mongodb: () => database.ping().then(() => ({ ok: true })), rabbitmq: () => broker.health() },
    });
    life.onRelease('health server', () => health.close());
    life.stopping.addEventListener('abort', () => health.setStopping());
  },
});
