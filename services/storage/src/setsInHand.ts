import type { Batch, ChangesReport, CompleteReport } from '@gleaner/contracts';
import type { Outcome } from '@gleaner/broker';
import type { StateAhead } from './stateAhead.ts';

/** A set of which every message is in this process, none of them acknowledged yet. */
export interface SetInHand {
  readonly report: CompleteReport | ChangesReport;
  readonly batches: readonly Batch[];
  /** What was written of it while it came. */
  readonly ahead?: StateAhead;
}

/** What became of a message that was held: its set was whole and settled, or it has to be kept in the database like any other. */
export type Held = { readonly kind: 'settled'; readonly outcome: Outcome } | { readonly kind: 'keep' };

/**
 * Holds the messages of an attempt for a moment, unacknowledged: where all of them come to this process, the set is applied from memory and never written down as batches.
 * Where some go to another storage, or are late, or too many wait, they are given up and kept in the database.
 */
export interface SetsInHand {
  holdBatch(batch: Batch): Promise<Held>;
  holdComplete(report: CompleteReport | ChangesReport): Promise<Held>;
  /** Messages that wait now. */
  readonly size: number;
}

interface Waiting {
  complete: CompleteReport | ChangesReport | undefined;
  readonly batches: Map<number, Batch>;
  readonly ahead: StateAhead | undefined;
  readonly release: ((held: Held | Promise<Held>) => void)[];
  timer: NodeJS.Timeout;
}

/**
 * `settle` applies a whole set. `holdMs` is how long a set may wait for its next message (default 40), `steadyMs` how long where all that came before it are here
 * and the collector has not said that it is done (default 250); `most` is how many messages may wait over all (fewer than the consumer takes at once, or nothing
 * would move). With `most` 0 nothing is held. `goAhead` begins to write what a first batch is a part of, where that can be told already.
 */
export function createSetsInHand({ settle, goAhead, holdMs = 40, steadyMs = 250, most }: {
  readonly settle: (set: SetInHand) => Promise<Outcome>;
  readonly goAhead?: (batch: Batch) => StateAhead;
  readonly holdMs?: number;
  readonly steadyMs?: number;
  readonly most: number;
}): SetsInHand {
  const waiting = new Map<string, Waiting>();
  /** Attempts that were given up: their other messages are not held any more. */
  const givenUp = new Set<string>();
  let size = 0;

  const take = (attempt: string): Waiting | undefined => {
    const set = waiting.get(attempt);
    if (!set) return undefined;
    clearTimeout(set.timer);
    waiting.delete(attempt);
    size -= set.release.length;
    return set;
  };
  const giveUp = (attempt: string): void => {
    givenUp.add(attempt);
    if (givenUp.size > 1_000) givenUp.delete(givenUp.values().next().value ?? '');
    for (const release of take(attempt)?.release ?? []) release({ kind: 'keep' });
  };
  const settleIfWhole = (attempt: string, set: Waiting): void => {
    const { complete, batches, ahead } = set;
    if (complete === undefined || batches.size < complete.batches) return;
    take(attempt);
    const settled = settle({ report: complete, batches: [...batches.values()].toSorted((a, b) => a.seq - b.seq), ...(ahead ? { ahead } : {}) }).then((outcome): Held => ({ kind: 'settled', outcome }));
    settled.catch(() => undefined); // every message that waits gets the error
    for (const release of set.release) release(settled);
  };
  /** Messages come in the order in which they were sent: one that is missing goes to another storage, or comes again much later. */
  const isSteady = ({ complete, batches }: Waiting): boolean => complete === undefined && batches.has(batches.size - 1);
  const hold = (attempt: string, total: number | undefined, first: Batch | undefined, add: (set: Waiting) => void): Promise<Held> => {
    if (givenUp.has(attempt) || (total !== undefined && total >= most) || size >= most) {
      giveUp(attempt);
      return Promise.resolve({ kind: 'keep' });
    }
    const set: Waiting = waiting.get(attempt) ?? { complete: undefined, batches: new Map(), release: [], ahead: first?.seq === 0 ? goAhead?.(first) : undefined, timer: setTimeout(() => undefined, 0) };
    waiting.set(attempt, set);
    clearTimeout(set.timer);
    size += 1;
    return new Promise((resolve) => {
      set.release.push(resolve);
      add(set);
      set.timer = setTimeout(() => giveUp(attempt), isSteady(set) ? steadyMs : holdMs);
      settleIfWhole(attempt, set);
    });
  };
  return {
    get size() { return size; },
    holdBatch: (batch) => hold(batch.attempt, undefined, batch, (set) => {
      if (!set.batches.has(batch.seq)) set.ahead?.add(batch.items);
      set.batches.set(batch.seq, batch);
    }),
    holdComplete: (report) => hold(report.attempt, report.batches, undefined, (set) => { set.complete = report; }),
  };
}
