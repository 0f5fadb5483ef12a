import type { KnownSnapshot } from './core/createKnownSnapshot.ts';

/** What this collector sent of each dataset last, so that of the next answer only what differs has to be read, written and sent. */
export interface KnownSnapshots {
  /**
   * What the snapshot of the run that the validators come from held; undefined where another collector sent it, it was forgotten, or another attempt has it now.
   * Whoever takes it gives it back as it was, or puts what it has become.
   */
  take(of: { readonly dataset: string; readonly extractionHash: string; readonly run: string; readonly bodyHash: string }): Remembered | undefined;
  giveBack(remembered: Remembered): void;
  /** Remembers what a run is about to report; whether it was applied the next tick's validators tell. */
  put(of: { readonly dataset: string; readonly extractionHash: string; readonly run: string; readonly bodyHash: string; readonly snapshot: KnownSnapshot }): void;
  /** A run saw the snapshot of the run `base` again, and its own will be the same. */
  again(of: { readonly dataset: string; readonly base: string; readonly run: string }): void;
  /** Items and records held. */
  readonly size: number;
}

export interface Remembered {
  readonly dataset: string;
  readonly extractionHash: string;
  readonly bodyHash: string;
  /** Runs whose snapshots are this one, the newest last. */
  readonly runs: string[];
  readonly snapshot: KnownSnapshot;
}

/** Runs that may say the same before one of them is known to be applied. */
const mostRuns = 16;

/** Holds at most `limit` items and records over all datasets (about 100 bytes each; default 500,000); those used longest ago go first. */
export function createKnownSnapshots({ limit = 500_000 }: { readonly limit?: number } = {}): KnownSnapshots {
  const held = new Map<string, Remembered>();
  let size = 0;
  const remove = (dataset: string): void => {
    size -= held.get(dataset)?.snapshot.size ?? 0;
    held.delete(dataset);
  };
  const add = (remembered: Remembered): void => {
    const own = remembered.snapshot.size;
    if (own > limit) return;
    held.set(remembered.dataset, remembered); // the one used last is last
    size += own;
    for (const oldest of held.keys()) {
      if (size <= limit) break;
      remove(oldest);
    }
  };
  return {
    get size() { return size; },
    take({ dataset, extractionHash, run, bodyHash }) {
      const one = held.get(dataset);
      // A run may have had two attempts: the hash of the body tells which of them was applied.
      if (!one?.runs.includes(run) || one.extractionHash !== extractionHash || one.bodyHash !== bodyHash) return undefined;
      remove(dataset);
      return one;
    },
    giveBack(remembered) {
      if (!held.has(remembered.dataset)) add(remembered);
    },
    put({ dataset, extractionHash, run, bodyHash, snapshot }) {
      remove(dataset);
      add({ dataset, extractionHash, bodyHash, runs: [run], snapshot });
    },
    again({ dataset, base, run }) {
      const runs = held.get(dataset)?.runs;
      if (!runs?.includes(base) || runs.includes(run)) return;
      runs.push(run);
      if (runs.length > mostRuns) runs.shift();
    },
  };
}
