import { holdLease, releaseLease, type Database } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import type { SchedulerTimes } from './config.ts';

/** One term of leadership. `signal` is aborted when the lease can no longer be relied on. */
export interface Term {
  readonly token: number;
  readonly signal: AbortSignal;
  /**
   * Whether the lease can be relied on at this very moment. A process that was stopped and continued runs whatever timer is overdue first:
   * work may come before the one that aborts the signal, so what writes without a fence asks here right before.
   */
  holds(): boolean;
}

export interface Leadership {
  readonly leading: boolean;
  /** Ends the term, waits for it, and gives the lease back. */
  stop(): Promise<void>;
}

/**
 * Tries for the lease until stopped and, whenever it is held, runs `lead` for that term. The term ends `stepDownMs` after the last renewal
 * was *sent*, by the monotonic clock: before the lease itself does, whatever the machine's clock, the network or a long pause did.
 */
export function holdLeadership({ database, owner, times, lead, log, name = 'scheduler' }: {
  readonly database: Database;
  /** New with each process start. */
  readonly owner: string;
  readonly times: Pick<SchedulerTimes, 'leaseMs' | 'renewMs' | 'stepDownMs' | 'candidateMs'>;
  /** Resolves when its work for the term has stopped, after the signal at the latest; rejects where it cannot go on. */
  readonly lead: (term: Term) => Promise<void>;
  readonly log: Logger;
  readonly name?: string;
}): Leadership {
  const stopping = new AbortController();
  let leading = false;

  /** `lease.sentAt`: when the last renewal that was granted was sent. */
  const renew = async (term: AbortController, lease: { sentAt: number }): Promise<void> => {
    while (!term.signal.aborted) {
      const watchdog = setTimeout(() => { term.abort(new Error('the lease was not renewed in time')); }, Math.max(0, lease.sentAt + times.stepDownMs - performance.now()));
      await pause(times.renewMs, term.signal);
      if (term.signal.aborted) { clearTimeout(watchdog); return; }
      const trySentAt = performance.now();
      try {
        const held = await holdLease({ database, name, owner, lastsMs: times.leaseMs });
        if (held === null) term.abort(new Error('another copy has taken the lease'));
        else {
          lease.sentAt = trySentAt;
          await database.clock.sync();
        }
      } catch (error) {
        // Not renewed, not lost: the watchdog decides, another try comes first.
        log.warn({ err: error }, 'lease not renewed');
      }
      clearTimeout(watchdog);
      if (performance.now() >= lease.sentAt + times.stepDownMs) term.abort(new Error('the lease was not renewed in time'));
    }
  };

  const serve = async (token: number, sentAt: number): Promise<void> => {
    const term = new AbortController();
    const onStop = (): void => { term.abort(new Error('the scheduler is stopping')); };
    stopping.signal.addEventListener('abort', onStop, { once: true });
    term.signal.addEventListener('abort', () => { leading = false; log.info({ token, reason: String(term.signal.reason) }, 'the term is ending'); }, { once: true });
    if (stopping.signal.aborted) onStop();
    leading = true;
    log.info({ token }, 'leading');
    const lease = { sentAt };
    const renewing = renew(term, lease);
    try {
      await endedOrLeft(lead({ token, signal: term.signal, holds: () => !term.signal.aborted && performance.now() < lease.sentAt + times.stepDownMs }), term.signal);
    } catch (error) {
      if (!term.signal.aborted) log.error({ err: error, token }, 'leading failed; the lease is given back');
    }
    const reason: unknown = term.signal.reason;
    term.abort(new Error('the term is over'));
    await renewing;
    leading = false;
    stopping.signal.removeEventListener('abort', onStop);
    log.info({ token, reason: reason instanceof Error ? reason.message : undefined }, 'not leading any more');
    // Only one's own lease can be released; where another has it already, nothing happens.
    await releaseLease({ database, name, owner }).catch((error: unknown) => { log.warn({ err: error }, 'lease not given back; it runs out by itself'); });
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const sentAt = performance.now();
      try {
        const held = await holdLease({ database, name, owner, lastsMs: times.leaseMs });
        if (held !== null) {
          await database.clock.sync();
          if (performance.now() < sentAt + times.stepDownMs) await serve(held.token, sentAt);
        }
      } catch (error) {
        log.warn({ err: error }, 'cannot ask for the lease');
      }
      await pause(times.candidateMs, stopping.signal);
    }
  };
  const running = run();

  return {
    get leading(): boolean { return leading; },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** How long the work of a term that is over may take to stop, ms; longer it is left to hang: its writes are compare-and-set, so they change nothing. */
const leaveAfterMs = 3_000;
const longestTimerMs = 2 ** 31 - 1;

/** Resolves when the work has ended, or some time after the signal although it hangs on a connection that is dead. */
async function endedOrLeft(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const left = (async () => {
    await pause(longestTimerMs, AbortSignal.any([signal, over.signal]));
    await pause(leaveAfterMs, over.signal);
  })();
  try {
    await Promise.race([work, left]);
  } finally {
    over.abort();
    work.catch(() => undefined); // told by nobody any more: the term is over
  }
}

/** Resolves after `ms` or when the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) { resolve(); return; }
    const end = (): void => { clearTimeout(timer); signal.removeEventListener('abort', end); resolve(); };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
