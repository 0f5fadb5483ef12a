import { messageIds, messageTypes, exchanges, queues, readMessage } from '@gleaner/contracts';
import type { FailedReport, HeartbeatReport, StartedReport, Tick, TryHead } from '@gleaner/contracts';
import { dead, done, retry } from '@gleaner/broker';
import type { Broker, Delivery, Outcome } from '@gleaner/broker';
import type { Logger } from '@gleaner/runtime';
import type { AbortRegistry } from './createAbortRegistry.ts';
import type { KnownSnapshots } from './createKnownSnapshots.ts';
import type { MemoryBudget } from './createMemoryBudget.ts';
import type { AttemptOutcome, AttemptProgress, RunAttempt } from './createRunAttempt.ts';
import { AttemptFailure } from './core/AttemptFailure.ts';
import { attemptMessages } from './core/attemptMessages.ts';
import { itemBatches } from './core/batchMessages.ts';

const defaultHeartbeatMs = 10_000;
/** An attempt that ends sooner, and well, says so in its one report: half the messages and writes of most answers. Nobody who looks sees that a run began a quarter of a second ago. */
const defaultStartedAfterMs = 250;
/** Messages of one attempt that wait for their confirm at once: enough to keep the broker busy, little enough to bound memory. */
const window = 8;

/**
 * Makes the handler of ticks: one delivery is one attempt. It reports `started` where it takes a moment, a heartbeat every 10 s and how it ended, sends the items, and says `done`
 * only once the last of these is confirmed. A run that was aborted from outside only says that it asks no more: its state says the rest.
 */
export function createHandleTick({ broker, runAttempt, newAttempt, aborts, memory, snapshots, heartbeatMs = defaultHeartbeatMs, startedAfterMs = defaultStartedAfterMs, log }: {
  readonly broker: Pick<Broker, 'publish'>;
  readonly runAttempt: RunAttempt;
  /** A new ULID. */
  readonly newAttempt: () => string;
  readonly aborts: AbortRegistry;
  readonly memory: Pick<MemoryBudget, 'enter'>;
  readonly snapshots: Pick<KnownSnapshots, 'put' | 'again'>;
  /** Time between two heartbeats of an attempt, ms; default 10,000. */
  readonly heartbeatMs?: number;
  /** How long an attempt may take before it says that it has begun, ms; default 250. One that fails says so in any case: only then does its failure count. */
  readonly startedAfterMs?: number;
  readonly log: Logger;
}): (delivery: Delivery) => Promise<Outcome> {
  return async (delivery) => {
    const message = readMessage(delivery.type, delivery.body);
    if (!message.ok) return dead(message.reason, { class: message.class });
    if (message.type !== 'tick') return dead(`expected a tick; saw a ${message.type}`, { class: 'unreadable' });
    const { tick } = message;
    const head = headOf(tick);
    const attempt = newAttempt();
    const about = log.child({ run: tick.run, job: tick.job, try: tick.try, attempt });
    using run = aborts.enter(tick);
    // Given back once the items are away, not when they have been read.
    using share = memory.enter('http' in tick.source ? tick.source.http.maxBytes : 0);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new AttemptFailure('deadline', `expected an attempt to last at most ${tick.maxDuration} ms (maxDuration)`)), tick.maxDuration);
    const signal = AbortSignal.any([delivery.signal, run.signal, deadline.signal]);
    const send = (type: string, messageId: string, body: object | string): Promise<void> =>
      broker.publish({ exchange: exchanges.work, routingKey: queues.store, type, messageId, correlationId: tick.run, body, signal: delivery.signal });

    const started: StartedReport = { v: 1, ...head, attempt, kind: 'started' };
    const sender = createSender();
    const startedAt = new Date().toISOString();
    let toldStarted = false;
    const tellStarted = async (): Promise<void> => {
      if (toldStarted) return;
      toldStarted = true;
      await sender.send(() => send(messageTypes.report, messageIds.report(attempt, 'started'), started));
    };
    // What goes wrong with it is seen before the tick is settled.
    const startTimer = setTimeout(() => void tellStarted().catch(() => undefined), startedAfterMs);
    let sent = 0;
    const sendBatches = async (batches: readonly string[]): Promise<void> => {
      for (const batch of batches) {
        const seq = sent;
        sent += 1;
        await sender.send(() => send(messageTypes.batch, messageIds.batch(attempt, seq), batch));
      }
    };
    let progress: (() => AttemptProgress) | undefined;
    let beats = 0;
    const heart = setInterval(() => {
      beats += 1;
      const beat: HeartbeatReport = { v: 1, ...head, attempt, kind: 'heartbeat', n: beats, ...(progress ? { progress: progress() } : {}) };
      // A lost heartbeat is one of many; the leader asks storage before it gives a run up.
      send(messageTypes.report, messageIds.report(attempt, 'heartbeat', beats), beat).catch((error: unknown) => about.warn({ err: error }, 'heartbeat not sent'));
    }, heartbeatMs);
    const began = performance.now();
    try {
      run.signal.throwIfAborted(); // the run had ended before its tick came: nothing is asked
      const outcome = await runAttempt(tick, { signal, share, onBegin: (tell) => (progress = tell), onItems: (items, ahead) => sendBatches(itemBatches({ head, attempt, sent, items, ...(ahead ? { ahead } : {}) })) });
      const { batches, report } = attemptMessages({ tick, head, attempt, startedAt, sent, outcome });
      clearTimeout(startTimer);
      if (outcome.kind === 'failed') await tellStarted();
      await sendBatches(batches);
      clearInterval(heart); // the report is the last word of an attempt
      remember(tick, outcome, snapshots);
      // Not held back until the batches are confirmed: without one of them the set is not whole, and nothing of it is applied.
      await sender.send(() => send(messageTypes.report, messageIds.report(attempt, outcome.kind), report));
      await sender.all();
      tellOf(outcome, Math.round(performance.now() - began), about);
      return done();
    } catch (error) {
      // The delivery is no longer ours, or the collector is stopping: another gets the tick, and its attempt has another id.
      if (delivery.signal.aborted) return retry('the collector gave the attempt up');
      if (!run.signal.aborted) throw error;
      about.info({ reason: String(run.signal.reason) }, 'attempt aborted because its run has ended');
      // The run's state says it already; this says that the origin is asked no more, which frees its slot.
      const last: FailedReport = { v: 1, ...head, attempt, kind: 'failed', class: 'aborted', message: 'the attempt was given up because its run had ended', requests: progress?.().requests ?? 0 };
      await send(messageTypes.report, messageIds.report(attempt, 'failed'), last);
      return done();
    } finally {
      clearTimeout(timer);
      clearTimeout(startTimer);
      clearInterval(heart);
    }
  };
}

const headOf = ({ run, job, dataset, jobVersion, try: number, queuedAt }: Tick): TryHead => ({ run, job, dataset, jobVersion, try: number, queuedAt });

function remember({ dataset, run, extractionHash }: Tick, outcome: AttemptOutcome, snapshots: Pick<KnownSnapshots, 'put' | 'again'>): void {
  if (outcome.kind === 'unchanged') snapshots.again({ dataset, base: outcome.base, run });
  else if (outcome.kind === 'complete' && outcome.snapshot && outcome.validators) snapshots.put({ dataset, extractionHash, run, bodyHash: outcome.validators.bodyHash, snapshot: outcome.snapshot });
}

/** Sends in order, `window` of them unconfirmed at most; `all` rejects with the first failure. */
function createSender(): { readonly send: (message: () => Promise<void>) => Promise<void>; readonly all: () => Promise<unknown> } {
  const going = new Set<Promise<void>>();
  const sent: Promise<void>[] = [];
  return {
    async send(message) {
      while (going.size >= window) await Promise.race(going);
      const confirmed = message();
      going.add(confirmed);
      sent.push(confirmed);
      confirmed.then(() => going.delete(confirmed), () => undefined); // a failure stays, for `send` and `all` to find
    },
    all: () => Promise.all(sent),
  };
}

function tellOf(outcome: AttemptOutcome, durationMs: number, log: Logger): void {
  if (outcome.kind === 'failed') log.info({ class: outcome.class, status: outcome.status, reason: outcome.message, requests: outcome.requests, durationMs }, 'attempt failed');
  else if (outcome.kind === 'complete') log.debug({ ...outcome.counts, requests: outcome.requests, bytes: outcome.request.bytes, durationMs }, 'attempt complete');
  else log.debug({ requests: outcome.requests, durationMs }, 'attempt unchanged');
}
