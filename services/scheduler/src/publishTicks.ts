import { exchanges, messageIds, messageTypes, queues } from '@gleaner/contracts';
import type { Broker } from '@gleaner/broker';
import type { Database, RunDocument } from '@gleaner/database';
import type { AnyBulkWriteOperation } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import { tickText } from './core/tickText.ts';
import { prepareTicks } from './prepareTicks.ts';
import type { KnownRun } from './runBook.ts';
import type { TickSpecs } from './tickSpecs.ts';

/** Confirms come one by one; their marks are written together, this many ms later at most. */
const markDelayMs = 20;
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

export type TickOutbox = ReturnType<typeof createTickOutbox>;

/**
 * Sends the ticks of queued runs and marks them published when the broker has confirmed.
 * What is not confirmed when the leader goes stays without its mark, and the next leader sends it again.
 */
export function createTickOutbox({ database, broker, specs, token, signal, log, onPublished }: {
  readonly database: Database;
  readonly broker: Pick<Broker, 'publish'>;
  readonly specs: TickSpecs;
  readonly token: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly onPublished?: (published: Published) => void;
}) {
  const underWay = new Set<string>();
  let sent = 0;
  let marks: Published[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const waiters: (() => void)[] = [];
  // Outlives the term's signal a little: what is on its way to the broker gets the time to be confirmed.
  const givingUp = new AbortController();

  const flush = (): void => {
    timer = undefined;
    const batch = marks;
    marks = [];
    writing = writing.then(() => writeMarks(database, batch)).catch((error: unknown) => {
      // Unmarked runs are published again after the next scan: a tick twice, nothing lost.
      log.warn({ err: error, runs: batch.length }, 'published marks not written');
    });
  };

  /** Sends at the run's moment, never before it: it may have been queued a little ahead. */
  const sendAt = (run: KnownRun, text: string): void => {
    underWay.add(run._id);
    const attempt = run.attempts;
    const at = run.dueAt.getTime();
    const wait = at - database.clock.now().getTime();
    if (wait <= 0) { send(run, attempt, text); return; }
    const check = (): void => { if (database.clock.now().getTime() >= at) send(run, attempt, text); else setImmediate(check); };
    setTimeout(check, Math.max(0, Math.floor(wait) - 1));
  };

  const send = (run: KnownRun, attempt: number, text: string): void => {
    sent += 1;
    broker.publish({
      exchange: exchanges.work, routingKey: queues.collect, type: messageTypes.tick, messageId: messageIds.tick(run._id, attempt), correlationId: run._id,
      body: Buffer.from(text), contentType: 'application/json', deadlineMs: Number.POSITIVE_INFINITY, signal: givingUp.signal,
    }).then(() => {
      const published = { run: run._id, job: run.job, try: attempt, at: database.clock.now() };
      marks.push(published);
      timer ??= setTimeout(flush, markDelayMs);
      onPublished?.(published);
    }).catch((error: unknown) => {
      if (!signal.aborted) log.warn({ err: error, run: run._id }, 'tick not published; it is tried again');
    }).finally(() => {
      underWay.delete(run._id);
      sent -= 1;
      if (sent < roomFor) for (const resolve of waiters.splice(0)) resolve();
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
        run.prepared = undefined;
        if (prepared === undefined || queuedAt === undefined) {
          log.error({ run: run._id, job: run.job, jobVersion: run.jobVersion }, 'the version of a queued run is not in revisions; its tick cannot be made');
          continue;
        }
        const { _id, job, dataset, jobVersion, scheduledAt, inputs, spacing } = run;
        sendAt(run, tickText({
          run: _id, job, dataset, jobVersion, try: run.attempts, queuedAt: queuedAt.toISOString(), fireAt: scheduledAt.toISOString(), inputs, token, spacing, validators: prepared.validators,
        }, prepared.spec));
      }
    },

    /** Resolves once the broker keeps up: with it away, runs wait as `due`, where they can still be cancelled or coalesced. */
    async room(): Promise<void> {
      if (sent < roomFor || signal.aborted) return;
      await new Promise<void>((resolve) => {
        waiters.push(resolve);
        signal.addEventListener('abort', () => { resolve(); }, { once: true });
      });
    },

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
  const groups = new Map<string, { readonly at: Date; readonly attempt: number; readonly ids: string[] }>();
  for (const { run, try: attempt, at } of marks) {
    const key = `${at.getTime()} ${attempt}`;
    const group = groups.get(key);
    if (group) group.ids.push(run); else groups.set(key, { at, attempt, ids: [run] });
  }
  // Whatever the state is by now: a collector may already have done the run.
  const operations = [...groups.values()].map(({ at, attempt, ids }): AnyBulkWriteOperation<RunDocument> => ({ updateMany: { filter: { _id: { $in: ids }, attempts: attempt }, update: { $set: { publishedAt: at } } } }));
  await database.collections.runs.bulkWrite(operations, { ordered: false });
}
