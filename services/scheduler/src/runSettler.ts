import { revisionId, type AnyBulkWriteOperation, type Database, type RunDocument } from '@gleaner/database';
import type { Announcer } from './announcer.ts';
import { slotHeldUntil } from './core/slotHeldUntil.ts';
import type { OriginSlots } from './originSlots.ts';
import type { RunBook } from './runBook.ts';
import type { RunStarter } from './runStarter.ts';
import type { TickSpecs } from './tickSpecs.ts';

/** What else happens when a run has ended, by ids that make it happen once; rejects where it has to be tried again. */
export type SettleEffect = (ended: readonly RunDocument[]) => Promise<void>;

const settleSize = 500;

export type RunSettler = ReturnType<typeof createRunSettler>;

/**
 * Settles ended runs: frees their slots, wakes what waited for them, does the effects, and only then clears the mark,
 * where it still names the state that was settled. A leader that dies half way leaves the mark to the next.
 */
export function createRunSettler({ database, runs, slots, starter, specs, announcer, effects, onHeard }: {
  readonly database: Database;
  readonly runs: RunBook;
  readonly slots: OriginSlots;
  readonly starter: RunStarter;
  readonly specs: TickSpecs;
  readonly announcer: Announcer;
  readonly effects: readonly SettleEffect[];
  /** There is something to settle now. */
  readonly onHeard: () => void;
}) {
  /** Ends of runs that were heard of and are to be settled; true where whoever ended the run has told the live view too. */
  const heard = new Map<string, boolean>();

  const settle = async (ended: readonly RunDocument[], told: ReadonlyMap<string, boolean>): Promise<void> => {
    const now = database.clock.now();
    const known = await specs.of(ended.filter(({ origins }) => (origins?.length ?? 0) > 0));
    const clearing: AnyBulkWriteOperation<RunDocument>[] = [];
    for (const run of ended) {
      runs.forget(run._id);
      const one = { run: run._id, try: run.attempts };
      const heldUntil = slotHeldUntil(run, known.get(revisionId(run.job, run.jobVersion))?.maxDuration ?? 0);
      const slot = heldUntil !== undefined && heldUntil > now.getTime() && slots.holds(one) ? { slotTry: run.attempts, slotUntil: new Date(heldUntil) } : {};
      slots.follow({ ...run, ...slot }, now.getTime());
      if ((run.state === 'cancelled' || run.reason === 'expired') && run.queuedAt !== undefined) announcer.abort(one, run.reason ?? 'cancelled');
      if (told.get(run._id) !== true) announcer.moved(run, run.state, { rev: run.rev, at: run.endedAt ?? now });
      clearing.push({ updateOne: { filter: { _id: run._id, unsettled: run.unsettled as number }, update: { $unset: { unsettled: true }, $set: { settledAt: now, ...slot } } } });
    }
    for (const effect of effects) await effect(ended);
    for (const job of new Set(ended.map((run) => run.job))) starter.wakeHeld(job);
    await database.collections.runs.bulkWrite(clearing, { ordered: false });
  };

  return {
    /** A run has ended; `told` where the live view has heard of it too. */
    hear(run: string, { told = false }: { readonly told?: boolean } = {}): void {
      heard.set(run, told);
      onHeard();
    },
    get waiting(): number { return heard.size; },

    /** Settles what was heard of; with `scan` everything that is unsettled. How many were settled. */
    async step({ scan = false }: { readonly scan?: boolean } = {}): Promise<number> {
      const taken = new Map([...heard].slice(0, settleSize));
      const ids = [...taken.keys()];
      for (const id of ids) heard.delete(id);
      if (ids.length === 0 && !scan) return 0;
      const { runs: collection } = database.collections;
      const filter = scan ? { unsettled: { $exists: true } } : { _id: { $in: ids }, unsettled: { $exists: true } };
      try {
        const ended = await collection.find(filter, { limit: settleSize, projection: { requests: 0, warnings: 0 } }).toArray();
        if (ended.length > 0) await settle(ended, taken);
        return ended.length;
      } catch (error) {
        for (const [id, told] of taken) heard.set(id, told);
        throw error;
      }
    },
  };
}
