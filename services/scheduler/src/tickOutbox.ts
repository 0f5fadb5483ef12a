import { exchanges, messageIds, messageTypes, queues } from '@gleaner/contracts';
import type { Broker } from '@gleaner/broker';
import type { Database, RunDocument } from '@gleaner/database';
import type { AnyBulkWriteOperation } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import { tickText } from './core/tickText.ts';
import type { OriginSlots } from './originSlots.ts';
import { forgetPrepared, prepareTicks } from './prepareTicks.ts';
import type { KnownRun } from './runBook.ts';
import type { TickSpecs } from './tickSpecs.ts';

/** Confirms come one by one; their marks are written together, this many ms later. */
const markDelayMs = 20;
/** In a burst they wait until the ticks themselves are away, this many ms at most: the database and the broker share a machine. */
const burstMarkDelayMs = 500;
/** So many ticks at once are a burst. */
const burst = 300;
/** Ticks of one moment that are handed over in one turn of the event loop. */
const slice = 250;
/** Ticks that may be without a confirm before nothing more is queued. */
const roomFor = 1_000;
/** How long the end of a term waits for confirms. */
const lastConfirmsMs = 1_000;

export interface Published {
  readonly run: string;
  readonly job: string;
  readonly try: number;
  /** Database time of the broker's confirm. */
  readonly at: Date;
}

interface WaitingTick {
  readonly run: string;
  readonly job: string;
  readonly try: number;
  readonly body: Buffer;
}

export type TickOutbox = ReturnType<typeof createTickOutbox>;

/**
 * Sends the ticks of queued runs and marks them published when the broker has confirmed.
 * What is not confirmed when the leader goes stays without its mark, and the next leader sends it again.
 */
export function createTickOutbox({ database, broker, specs, slots, token, signal, log, onPublished }: {
  readonly database: Database;
  readonly broker: Pick<Broker, 'publish'>;
  readonly specs: TickSpecs;
  readonly slots: Pick<OriginSlots, 'spacingOf'>;
  readonly token: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly onPublished?: (published: Published) => void;
}) {
  /** Runs whose ticks are on their way, with their try; also those whose mark is not written yet, which a scan would take for unsent. */
  const underWay = new Map<string, number>();
  /** Ticks that wait for their moment, by it. */
  const moments = new Map<number, WaitingTick[]>();
  let sent = 0;
  let marks: Published[] = [];
  let oldestMarkAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let waiters: { readonly isOver: () => boolean; readonly resolve: () => void }[] = [];
  // Outlives the term's signal a little: what is on its way to the broker gets the time to be confirmed.
  const givingUp = new AbortController();

  const arrived = (run: string, tryNumber: number): void => {
    if (underWay.get(run) === tryNumber) underWay.delete(run);
    wakeWaiters();
  };

  const wakeWaiters = (): void => {
    const ready = waiters.filter(({ isOver }) => isOver());
    if (ready.length === 0) return;
    waiters = waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  };

  /** Resolves once `isOver` holds, or the term is over. */
  const waitUntil = async (isOver: () => boolean): Promise<void> => {
    if (isOver() || signal.aborted) return;
    await new Promise<void>((resolve) => {
      waiters.push({ isOver, resolve });
      signal.addEventListener('abort', () => { resolve(); }, { once: true });
    });
  };

  const flush = (): void => {
    timer = undefined;
    const batch = marks;
    marks = [];
    writing = writing.then(() => writeMarks(database, batch)).catch((error: unknown) => {
      // Unmarked runs are published again after the next scan: a tick twice, nothing lost.
      log.warn({ err: error, runs: batch.length }, 'published marks not written');
    }).finally(() => { for (const { run, try: tryNumber } of batch) arrived(run, tryNumber); });
  };

  const flushUnlessBursting = (): void => {
    if (sent >= burst && performance.now() < oldestMarkAt + burstMarkDelayMs) timer = setTimeout(flushUnlessBursting, markDelayMs);
    else flush();
  };

  const mark = (published: Published): void => {
    if (marks.length === 0) oldestMarkAt = performance.now();
    marks.push(published);
    timer ??= setTimeout(flushUnlessBursting, markDelayMs);
    onPublished?.(published);
  };

  /** Sends at the run's moment, never before it: it may have been queued a little ahead. Those of one moment wait together. */
  const sendAt = (tick: WaitingTick, at: number): void => {
    underWay.set(tick.run, tick.try);
    const others = moments.get(at);
    if (others) { others.push(tick); return; }
    const wait = at - database.clock.now().getTime();
    if (wait <= 0) { send(tick); return; }
    const together = [tick];
    moments.set(at, together);
    const check = (): void => {
      if (database.clock.now().getTime() < at) { setImmediate(check); return; }
      moments.delete(at);
      sendSlices(together, 0);
    };
    setTimeout(check, Math.max(0, Math.floor(wait) - 1));
  };

  /** A burst goes in slices, so that the first are confirmed, and the lease renewed, while the rest are still encoded. */
  const sendSlices = (ticks: readonly WaitingTick[], from: number): void => {
    for (const tick of ticks.slice(from, from + slice)) send(tick);
    if (from + slice < ticks.length) setImmediate(() => { sendSlices(ticks, from + slice); });
  };

  const send = ({ run, job, try: tryNumber, body }: WaitingTick): void => {
    sent += 1;
    broker.publish({
      exchange: exchanges.work, routingKey: queues.collect, type: messageTypes.tick, messageId: messageIds.tick(run, tryNumber), correlationId: run,
      body, contentType: 'application/json', deadlineMs: Number.POSITIVE_INFINITY, signal: givingUp.signal,
    }).then(() => {
      mark({ run, job, try: tryNumber, at: database.clock.now() });
    }).catch((error: unknown) => {
      arrived(run, tryNumber);
      if (!signal.aborted) log.warn({ err: error, run }, 'tick not published; it is tried again');
    }).finally(() => {
      sent -= 1;
      wakeWaiters();
    });
  };

  return {
    get underWay(): number { return underWay.size; },
    isUnderWay: (run: string): boolean => underWay.has(run),

    /** Sends the ticks of runs that are queued; resolves when they are handed to the broker's connection, not when confirmed. */
    async publish(runs: readonly KnownRun[]): Promise<void> {
      await prepareTicks({ database, specs, runs: runs.filter(({ prepared }) => prepared === undefined) });
      for (const run of runs) {
        const { prepared, queuedAt } = run;
        forgetPrepared(run);
        if (prepared === undefined || queuedAt === undefined) {
          log.error({ run: run._id, job: run.job, jobVersion: run.jobVersion }, 'the version of a queued run is not in revisions; its tick cannot be made');
          continue;
        }
        const { _id, job, dataset, jobVersion, scheduledAt, inputs, attempts } = run;
        // As the limits are now, also for a run that another leader let in.
        const spacing = slots.spacingOf(prepared.spec.origins, prepared.spec.limits);
        const body = Buffer.from(tickText({
          run: _id, job, dataset, jobVersion, try: attempts, queuedAt: queuedAt.toISOString(), fireAt: scheduledAt.toISOString(), inputs, token, spacing, validators: prepared.validators,
        }, prepared.spec));
        sendAt({ run: _id, job, try: attempts, body }, run.dueAt.getTime());
      }
    },

    /** Resolves once the broker keeps up: with it away, runs wait as `due`, where they can still be cancelled or coalesced. */
    room: () => waitUntil(() => sent < roomFor),

    /** Resolves once no burst is under way: for what can wait until the ticks are away. */
    calm: () => waitUntil(() => underWay.size < burst),

    /** At the end of a term: waits up to a second for confirms, gives the rest up (the next leader sends it) and writes the marks. */
    async settle(): Promise<void> {
      for (let waited = 0; underWay.size > 0 && waited < lastConfirmsMs; waited += 20) await new Promise((resolve) => { setTimeout(resolve, 20); });
      givingUp.abort(signal.reason);
      clearTimeout(timer);
      if (marks.length > 0) flush();
      await writing;
    },
  };
}

/** One operation for all runs confirmed in the same millisecond: a burst of 10,000 is a few hundred. */
async function writeMarks(database: Database, marks: readonly Published[]): Promise<void> {
  const groups = new Map<string, { readonly at: Date; readonly tryNumber: number; readonly ids: string[] }>();
  for (const { run, try: tryNumber, at } of marks) {
    const key = `${at.getTime()} ${tryNumber}`;
    const group = groups.get(key);
    if (group) group.ids.push(run); else groups.set(key, { at, tryNumber, ids: [run] });
  }
  // Whatever the state is by now: a collector may already have done the run.
  const operations = [...groups.values()].map(({ at, tryNumber, ids }): AnyBulkWriteOperation<RunDocument> => ({ updateMany: { filter: { _id: { $in: ids }, attempts: tryNumber }, update: { $set: { publishedAt: at } } } }));
  await database.collections.runs.bulkWrite(operations, { ordered: false });
}
