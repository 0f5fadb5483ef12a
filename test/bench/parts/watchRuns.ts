import type { RunState } from '@gleaner/contracts';
import type { Database } from '@gleaner/database';

const ended: readonly RunState[] = ['succeeded', 'unchanged', 'quarantined', 'failed', 'cancelled', 'expired', 'skipped', 'missed'];

/** How a run ended, and when the bench saw it by performance.now(). */
export interface EndedRun {
  readonly run: string;
  readonly state: RunState;
  readonly at: number;
}

/** Sees runs end as the database commits it, by a change stream: no polling that would take time from what is measured. */
export interface RunWatch {
  /** Resolves when the run has ended, also when it did before; rejects after `timeout` ms (default 60,000). */
  readonly ended: (run: string, timeout?: number) => Promise<EndedRun>;
  /** How many runs have ended since the watch began. */
  readonly count: () => number;
  readonly close: () => Promise<void>;
}

export async function watchRuns(database: Database): Promise<RunWatch> {
  const seen = new Map<string, EndedRun>();
  const waiting = new Map<string, (ended: EndedRun) => void>();
  const stream = database.collections.runs.watch(
    [{ $match: { operationType: 'update', 'updateDescription.updatedFields.state': { $in: [...ended] } } }, { $project: { operationType: 1, documentKey: 1, 'updateDescription.updatedFields.state': 1 } }],
    { maxAwaitTimeMS: 10_000 },
  );
  stream.on('change', (change) => {
    const at = performance.now();
    if (change.operationType !== 'update') return;
    const run = String(change.documentKey._id);
    const state = (change.updateDescription.updatedFields as { state: RunState }).state;
    const entry = { run, state, at };
    seen.set(run, entry);
    waiting.get(run)?.(entry);
    waiting.delete(run);
  });
  // A broken stream shows as a run that never ends, which times out with its name.
  stream.on('error', () => undefined);
  // Nothing may be missed from here on: the stream must be open before the first run is asked for.
  await new Promise<void>((resolve) => { stream.once('init', () => resolve()); setTimeout(resolve, 1_000); });
  return {
    ended: (run, timeout = 60_000) => {
      const known = seen.get(run);
      if (known) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`run ${run} has not ended within ${timeout} ms`)), timeout);
        waiting.set(run, (entry) => {
          clearTimeout(timer);
          resolve(entry);
        });
      });
    },
    count: () => seen.size,
    close: () => stream.close(),
  };
}
