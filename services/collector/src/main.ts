import { connectBroker } from '@gleaner/broker';
import { exchanges, queues, topology } from '@gleaner/contracts';
import { createLogger, createMetrics, runService, startHealthServer } from '@gleaner/runtime';
import { ulid } from 'ulid';
import { readConfig } from './config.ts';
import { createAbortRegistry } from './createAbortRegistry.ts';
import { createEvaluator } from './createEvaluator.ts';
import { createFetchUpstream } from './fetchUpstream.ts';
import { createGuardedAgents } from './createGuardedAgents.ts';
import { createHashes } from './createHashes.ts';
import { createKnownSnapshots } from './createKnownSnapshots.ts';
import { createMemoryBudget } from './createMemoryBudget.ts';
import { createOriginPauses } from './createOriginPauses.ts';
import { createPatterns } from './createPatterns.ts';
import { createRunAttempt } from './createRunAttempt.ts';
import { createTokens } from './createTokens.ts';
import { createHandleControl } from './handleControl.ts';
import { createHandleTick } from './handleTick.ts';
import { createHandleTry } from './handleTry.ts';
import { runTask } from './runTask.ts';

const config = readConfig();
const log = createLogger({ service: 'collector', level: config.logLevel });

await runService({
  name: 'collector',
  log,
  start: async (life) => {
    const broker = await connectBroker({ url: config.amqpUrl, name: 'collector', log });
    life.onRelease('broker', (deadlineMs) => broker.close({ deadlineMs }));
    await broker.declare(topology);
    const agents = createGuardedAgents({ allowNetworks: config.allowNetworks });
    life.onRelease('upstream connections', () => agents.close());
    const evaluator = createEvaluator();
    life.onRelease('expression threads', () => evaluator.close());
    const patterns = createPatterns();
    life.onRelease('pattern threads', () => patterns.close());
    const aborts = createAbortRegistry();
    const memory = createMemoryBudget({ maxBytes: config.memoryBytes });
    const pauses = createOriginPauses();
    const snapshots = createKnownSnapshots();
    const runAttempt = createRunAttempt({
      fetchUpstream: createFetchUpstream({ agents }), agents, pauses, secrets: config.secrets, tokens: createTokens(), hashes: await createHashes(), snapshots, runTask, evaluate: evaluator.evaluate, beginPatterns: patterns.begin,
    });
    const control = broker.subscribe({ exchange: exchanges.control, routingKeys: ['#'], handler: createHandleControl({ aborts, pauses, log }) });
    life.onRelease('control', () => control.stop());
    const ticks = broker.consume({ queue: queues.collect, concurrency: config.concurrency, handler: createHandleTick({ broker, runAttempt, newAttempt: ulid, aborts, memory, snapshots, log }) });
    life.onRelease('ticks', () => ticks.stop({ deadlineMs: config.stopMs }), { deadlineMs: config.stopMs + 2_000 });
    await ticks.ready;
    const tries = broker.reply({ queue: queues.try, concurrency: config.concurrency, handler: createHandleTry({ runAttempt, memory }) });
    life.onRelease('tries', () => tries.stop({ deadlineMs: 1_000 }), { deadlineMs: 3_000 });
    const metrics = createMetrics();
    metrics.gaugeFrom('gleaner_collector_bytes_held', 'Decompressed bytes that attempts hold beyond the free part of each.', () => memory.held);
    metrics.gaugeFrom('gleaner_collector_attempts_waiting_for_memory', 'Attempts that wait until others have given bytes back.', () => memory.waiting);
    metrics.gaugeFrom('gleaner_collector_attempts_under_way', 'Attempts under way.', () => aborts.size);
    const health = await startHealthServer({ service: 'collector', host: config.healthHost, port: config.healthPort, metrics, checks: { broker: () => broker.health() } });
    life.onRelease('health', () => health.close());
    life.stopping.addEventListener('abort', () => health.setStopping());
  },
});
