import type { Broker } from '@gleaner/broker';
import type { Database } from '@gleaner/database';
import { releaseMemory, type Logger } from '@gleaner/runtime';
import { createAnnouncer } from './announcer.ts';
import type { OriginDefaults, SchedulerTimes } from './config.ts';
import type { Term } from './holdLeadership.ts';
import { hearEvents } from './hearEvents.ts';
import { createJobBook } from './jobBook.ts';
import { createJobChanges } from './jobChanges.ts';
import { createOriginSlots } from './originSlots.ts';
import { prepareTicks } from './prepareTicks.ts';
import { createTickOutbox, type Published } from './tickOutbox.ts';
import { createCollectorReminder } from './collectorReminder.ts';
import { createRunBook, type KnownRun } from './runBook.ts';
import { createRunStarter } from './runStarter.ts';
import { createRunSettler, type SettleEffect } from './runSettler.ts';
import { createTickSpecs } from './tickSpecs.ts';
import { createAfterTrigger } from './afterTrigger.ts';
import { createOriginRests } from './originRests.ts';
import { createInputReader } from './inputReader.ts';
import { takeOver } from './takeOver.ts';
import { wakeLoop } from './wakeLoop.ts';
import { createDeadlineWatch } from './deadlineWatch.ts';
import { writeLedger } from './writeLedger.ts';

/** Jobs whose ledgers are written together. */
const ledgerSize = 500;
/** Runs that are read again in one round, because something was heard of them. */
const stirredSize = 500;

export interface LeadOptions {
  readonly database: Database;
  readonly broker: Broker;
  readonly times: SchedulerTimes;
  readonly origins: OriginDefaults;
  readonly log: Logger;
  readonly onPublished?: (published: Published) => void;
  readonly onReady?: (facts: { readonly jobs: number; readonly runs: number; readonly tookMs: number }) => void;
}

/**
 * Leads for one term: takes over what is in the database, then plans, starts, settles and watches until the signal.
 * Everything that it hears of is also looked for every second, so what is lost on the way costs a second at most.
 */
export async function leadTerm({ database, broker, times, origins, log, onPublished, onReady }: LeadOptions, { token, signal, holds }: Term): Promise<void> {
  const began = performance.now();
  const now = (): number => database.clock.now().getTime();
  const book = createJobBook({ database, times });
  const specs = createTickSpecs({ database });
  const announcer = createAnnouncer({ broker });
  const slots = createOriginSlots({ database, defaults: origins, startedAt: now() });
  const runs = createRunBook({ database, onForgotten: (run) => { slots.leave(run); } });
  const restOrigins = createOriginRests({ database, slots, announcer });
  const outbox = createTickOutbox({ database, broker, specs, slots, token, signal, log, ...(onPublished ? { onPublished } : {}) });
  const inputs = createInputReader({ database, onRead: (run) => { runs.again(run); starting.kick(); }, log });
  const starter = createRunStarter({ database, runs, specs, inputs, outbox, slots, announcer, times, token, log, onEnded: (ids) => { for (const id of ids) settler.hear(id); } });
  const effects: SettleEffect[] = [createAfterTrigger({ database, book, runs, onInserted: () => { starting.kick(); } }), (ended) => restOrigins(ended)];
  const settler = createRunSettler({ database, runs, slots, starter, specs, announcer, effects, onHeard: () => { settling.kick(); } });
  const deadlines = createDeadlineWatch({ database, broker, runs, specs, slots, outbox, settler, times, signal, log });
  const reminder = createCollectorReminder({ database, slots, announcer });
  const changes = createJobChanges({ database, book, runs, slots, settler, log });
  const stirred = new Set<string>();

  // Opened before the books are read: what happens in between is heard of twice rather than never.
  const events = hearEvents({
    broker, log,
    onStart: (run) => { stirred.add(run); starting.kick(); },
    onEnd: (run) => { settler.hear(run, { told: true }); },
    onReported: (run) => { slots.release(run, now()); starting.kick(); },
    onJob: (job) => { changes.hear(job); planning.kick(); },
    onGap: () => { scannedAt = 0; scanning.kick(); },
  });

  const loop = (name: string, round: () => Promise<number | undefined>) => wakeLoop({ name, round, now, signal, holds, log });
  let ready: () => void = () => undefined;
  /** Never resolves where taking over fails: nothing may start from half of what there is. */
  const whenReady = new Promise<void>((resolve) => { ready = resolve; signal.addEventListener('abort', () => { resolve(); }, { once: true }); });

  let preparing: Promise<void> = Promise.resolve();
  const planning = loop('plan', async () => {
    await whenReady;
    if (signal.aborted) return undefined;
    await changes.apply();
    const at = now();
    const due = book.takeDue(at, ledgerSize);
    if (due.length > 0) {
      try {
        const stale = due.filter((entry) => entry.stale);
        if (stale.length > 0) await changes.readAgain(stale.map(({ id }) => id));
        const burst = due.length === ledgerSize;
        const entries = due.filter((entry) => !stale.includes(entry));
        const early = burst ? [] : entries.filter((entry) => book.canWait(entry, at));
        for (const entry of early) book.later(entry);
        const inserted = await writeLedger({ database, book, entries: entries.filter((entry) => !early.includes(entry)), now: at, ahead: burst ? times.burstAheadMs : times.aheadMs, holds });
        log.debug({ jobs: due.length, runs: inserted.length, tookMs: now() - at }, 'ledger written');
        for (const run of inserted) runs.learn(run as KnownRun);
        const fresh = inserted.flatMap(({ _id }) => runs.get(_id) ?? []);
        starting.kick();
        // The next jobs' rows are written while these runs' ticks are prepared, one batch ahead at most. What fails is prepared again at the start.
        const before = preparing;
        const ahead = fresh.filter((run) => run.dueAt.getTime() > now());
        preparing = prepareTicks({ database, specs, runs: ahead })
          .then(() => { for (const run of ahead) inputs.ask(run); })
          .catch((error: unknown) => { log.warn({ err: error, runs: fresh.length }, 'ticks not prepared ahead; they are at their moment'); });
        await before;
      } catch (error) {
        for (const entry of due) book.markStale(entry);
        throw error;
      }
    }
    return book.nextAt;
  });

  const starting = loop('start', async () => {
    await whenReady;
    if (signal.aborted) return undefined;
    if (stirred.size > 0) {
      const ids = [...stirred].slice(0, stirredSize);
      await runs.reread(ids);
      for (const id of ids) {
        stirred.delete(id);
        const run = runs.get(id);
        if (run === undefined) continue; // ended: whoever settles it sees to its slots
        slots.follow(run, now());
        runs.again(run);
      }
      await restOrigins(ids.flatMap((id) => runs.get(id) ?? []));
    }
    const taken: string[] = [];
    try {
      await starter.step(taken);
    } catch (error) {
      // What the database was told and what not is unknown: these runs are read again before anything else is done.
      for (const id of taken) stirred.add(id);
      throw error;
    }
    return stirred.size > 0 ? 0 : Math.min(starter.nextAt, slots.nextAt ?? Number.POSITIVE_INFINITY);
  });

  const settling = loop('settle', async () => {
    await whenReady;
    if (signal.aborted) return undefined;
    await settler.step();
    starting.kick();
    return settler.waiting > 0 ? 0 : undefined;
  });

  let scannedAt = 0;
  const scanning = loop('scan', async () => {
    await whenReady;
    if (signal.aborted || now() < scannedAt + times.scanMs) return scannedAt + times.scanMs;
    scannedAt = now();
    await changes.scan();
    planning.kick();
    for (const missed of await runs.scan(new Date(now()))) stirred.add(missed);
    starter.wakeAllHeld();
    inputs.retry();
    starting.kick();
    await settler.step({ scan: true });
    await deadlines.step();
    await reminder.step(scannedAt);
    return scannedAt + times.scanMs;
  });

  try {
    await takeOver({ database, book, runs, slots, changes, restOrigins });
    if (book.size > 10_000) releaseMemory();
    log.info({ jobs: book.size, runs: runs.size, tookMs: Math.round(performance.now() - began) }, 'took over');
    onReady?.({ jobs: book.size, runs: runs.size, tookMs: performance.now() - began });
    ready();
    await Promise.all([planning.ended, starting.ended, settling.ended, scanning.ended]);
  } finally {
    await events.stop();
    await outbox.settle();
  }
}
