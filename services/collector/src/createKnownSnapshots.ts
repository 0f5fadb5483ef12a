import type { KnownSnapshot } from './core/createItemSet.ts';

/** What this collector sent of each dataset last, so that of the next answer only what differs has to be read, written and sent. */
export interface KnownSnapshots {
  /** What the snapshot of the run that the validators come from held; undefined where another collector sent it, or it was forgotten. */
  find(of: { readonly dataset: string; readonly extractionHash: string; readonly run: string; readonly bodyHash: string }): KnownSnapshot | undefined;
  /** Remembers what a run is about to report; whether it was applied the next tick's validators tell. */
  put(of: { readonly dataset: string; readonly extractionHash: string; readonly run: string; readonly bodyHash: string; readonly snapshot: KnownSnapshot }): void;
  /** A run saw the snapshot of the run `base` again, and its own will be the same. */
  again(of: { readonly dataset: string; readonly base: string; readonly run: string }): void;
  /** Items and records held. */
  readonly size: number;
}

interface Held {
  readonly extractionHash: string;
  readonly bodyHash: string;
  /** Runs whose snapshots are this one, the newest last. */
  readonly runs: string[];
  readonly snapshot: KnownSnapshot;
  readonly size: number;
}

/** Runs that may say the same before one of them is known to be applied. */
const mostRuns = 16;

/** Holds at most `limit` items and records over all datasets (about 100 bytes each; default 500,000); those used longest ago go first. */
export function createKnownSnapshots({ limit = 500_000 }: { readonly limit?: number } = {}): KnownSnapshots {
  const held = new Map<string, Held>();
  let size = 0;
  const remove = (dataset: string): void => {
    size -= held.get(dataset)?.size ?? 0;
    held.delete(dataset);
  };
  return {
    get size() { return size; },
    find({ dataset, extractionHash, run, bodyHash }) {
      const one = held.get(dataset);
      // A run may have had two attempts: the hash of the body tells which of them was applied.
      if (!one?.runs.includes(run) || one.extractionHash !== extractionHash || one.bodyHash !== bodyHash) return undefined;
      held.delete(dataset); // the one used last is last
      held.set(dataset, one);
      return one.snapshot;
    },
    put({ dataset, extractionHash, run, bodyHash, snapshot }) {
      remove(dataset);
      const own = snapshot.hashes.size + snapshot.records.size;
      if (own > limit) return;
      held.set(dataset, { extractionHash, bodyHash, runs: [run], snapshot, size: own });
      size += own;
      for (const oldest of held.keys()) {
        if (size <= limit) break;
        remove(oldest);
      }
    },
    again({ dataset, base, run }) {
      const runs = held.get(dataset)?.runs;
      if (!runs?.includes(base) || runs.includes(run)) return;
      runs.push(run);
      if (runs.length > mostRuns) runs.shift();
    },
  };
}
