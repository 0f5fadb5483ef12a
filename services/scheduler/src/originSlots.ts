import type { Database } from '@gleaner/database';
import { MinHeap } from '@gleaner/schedule';
import { paceOf, tightest, type OriginLimits } from './core/originLimits.ts';
import type { KnownRun } from './runBook.ts';

type Wish = { readonly concurrency?: number | undefined; readonly perMinute?: number | undefined };

interface Origin {
  readonly name: string;
  readonly held: Set<string>;
  /** Until when each slot that became free rests, so that the next run's first request keeps its distance from the last one's last. */
  readonly resting: number[];
  /** Let in later, first come, first served. */
  readonly waiting: Set<KnownRun>;
  readonly wishes: Map<string, Wish>;
  pausedUntil: number;
}

export type Admission = { readonly ok: true; readonly spacing: number } | { readonly ok: false };

export type OriginSlots = ReturnType<typeof createOriginSlots>;

/**
 * Who may ask an upstream now. Slots are recomputed from `runs` at take-over, never only counted;
 * with a limit per minute a new leader lets every slot rest once first, because it cannot know when the last request was.
 */
export function createOriginSlots({ database, defaults, startedAt }: { readonly database: Database; readonly defaults: OriginLimits; readonly startedAt: number }) {
  const origins = new Map<string, Origin>();
  const heldBy = new Map<string, readonly string[]>();
  /** Runs that have ended without a last report, and until when their attempts may still be asking. */
  const lingering = new Map<string, number>();
  const wakes = new MinHeap<Origin>();

  const originOf = (name: string): Origin => {
    const known = origins.get(name);
    if (known) return known;
    const origin: Origin = { name, held: new Set(), resting: [], waiting: new Set(), wishes: new Map(), pausedUntil: 0 };
    origins.set(name, origin);
    return origin;
  };

  const paceAt = (origin: Origin, own?: Wish) => paceOf(tightest([{ ...defaults, perMinute: defaults.perMinute || undefined }, ...origin.wishes.values(), ...(own ? [own] : [])]));

  const free = (origin: Origin, now: number, own?: Wish): number => {
    const { slots, spacing } = paceAt(origin, own);
    if (origin.pausedUntil > now) return 0;
    if (lingering.size > 0) for (const run of origin.held) { const until = lingering.get(run); if (until !== undefined && until <= now) release(run, now, until); }
    if (spacing > 0 && startedAt + spacing > now) { wakes.push(startedAt + spacing, origin); return 0; }
    for (let index = origin.resting.length - 1; index >= 0; index -= 1) if ((origin.resting[index] ?? 0) <= now) origin.resting.splice(index, 1);
    return slots - origin.held.size - origin.resting.length;
  };

  /** True where the run is among those that the free slots are for: nobody overtakes those who wait. */
  const isItsTurn = (origin: Origin, run: KnownRun, slots: number): boolean => {
    if (slots <= 0) return false;
    if (origin.waiting.size === 0) return true;
    let place = 0;
    for (const one of origin.waiting) {
      if (one === run) return true;
      place += 1;
      if (place >= slots) return false;
    }
    return place < slots;
  };

  const occupy = (run: string, names: readonly string[]): void => {
    for (const name of names) originOf(name).held.add(run);
    if (names.length > 0) heldBy.set(run, names);
  };

  const leaveQueues = (run: KnownRun): void => {
    for (const name of run.origins ?? []) origins.get(name)?.waiting.delete(run);
  };

  const release = (run: string, now: number, endedAt = now): void => {
    for (const name of heldBy.get(run) ?? []) {
      const origin = originOf(name);
      origin.held.delete(run);
      const restsUntil = endedAt + paceAt(origin).spacing;
      if (restsUntil > now) origin.resting.push(restsUntil);
      wakes.push(restsUntil, origin);
    }
    heldBy.delete(run);
    lingering.delete(run);
  };

  const linger = (run: string, until: number): void => {
    if (!heldBy.has(run)) return;
    lingering.set(run, until);
    for (const name of heldBy.get(run) ?? []) wakes.push(until, originOf(name));
  };

  return {
    /** What a job asks of its origins, kept while the job lives; `undefined` takes it back. */
    wish(job: string, names: readonly string[], wish: Wish | undefined): void {
      for (const name of names) {
        if (wish !== undefined && (wish.concurrency ?? wish.perMinute) !== undefined) originOf(name).wishes.set(job, wish);
        else origins.get(name)?.wishes.delete(job);
      }
    },

    /** Takes a slot at each of the run's origins, or puts it into the queue of the one that has none. */
    admit(run: KnownRun, now: number, own: Wish): Admission {
      const wanted = (run.origins ?? []).map(originOf);
      const full = wanted.find((origin) => !isItsTurn(origin, run, free(origin, now, own)));
      if (full !== undefined) {
        full.waiting.add(run);
        return { ok: false };
      }
      leaveQueues(run);
      for (const origin of wanted) origin.held.add(run._id);
      if (wanted.length > 0) heldBy.set(run._id, wanted.map(({ name }) => name));
      return { ok: true, spacing: Math.max(0, ...wanted.map((origin) => paceAt(origin, own).spacing)) };
    },

    /** Counts a run that is queued or running already. */
    occupy: (run: KnownRun): void => { occupy(run._id, run.origins ?? []); },

    /** The run's attempt has reported for the last time: its slots rest and are free. Again: nothing. */
    release: (run: string, now: number): void => { release(run, now); },

    /** The run has ended without a last report: its slots are held until then, unless the report still comes. */
    linger,

    /** True while the run has slots: one that waited for its next try when it was cancelled has given them back. */
    holds: (run: string): boolean => heldBy.has(run),

    /** Runs that have ended, but whose attempts may still be asking, or their ticks still on their way; at most `limit`. */
    lingering: (limit: number): readonly string[] => [...lingering.keys()].slice(0, limit),

    /** The run waits for nothing any more. */
    leave: leaveQueues,

    /** No request to the origin before `until`, whoever makes it; kept in `origins` for the next leader. */
    async pause({ origin: name, until, by }: { readonly origin: string; readonly until: number; readonly by: string }): Promise<boolean> {
      const origin = originOf(name);
      if (until <= origin.pausedUntil) return false;
      origin.pausedUntil = until;
      wakes.push(until, origin);
      await database.collections.origins.updateOne({ _id: name }, { $max: { pausedUntil: new Date(until) }, $set: { pausedBy: by } }, { upsert: true });
      return true;
    },

    get nextAt(): number | undefined { return wakes.nextAt; },

    /** Runs to be asked again because a slot is free, a rest is over or a pause has ended. */
    takeReady(now: number): KnownRun[] {
      const ready: KnownRun[] = [];
      for (let top = wakes.popUntil(now); top !== undefined; top = wakes.popUntil(now)) {
        const origin = top.value;
        const slots = free(origin, now);
        let taken = 0;
        for (const run of origin.waiting) {
          if (taken >= slots) break;
          ready.push(run);
          taken += 1;
        }
      }
      return ready;
    },

    /** Reads pauses and the slots of runs that have ended without a last report, also of those that nobody has settled: that frees them, or says until when. */
    async load(now: Date): Promise<void> {
      for await (const { _id, pausedUntil } of database.collections.origins.find({ pausedUntil: { $gt: now } })) {
        const origin = originOf(_id);
        origin.pausedUntil = pausedUntil?.getTime() ?? 0;
        wakes.push(origin.pausedUntil, origin);
      }
      const unsettled = database.collections.runs.find({ unsettled: { $exists: true }, state: { $in: ['cancelled', 'expired', 'failed'] }, queuedAt: { $exists: true }, reportedAt: { $exists: false } }, { projection: { origins: 1 } });
      for await (const { _id, origins: names = [] } of unsettled) occupy(_id, names);
      const silent = database.collections.runs.find({ slotUntil: { $gt: now }, reportedAt: { $exists: false } }, { projection: { origins: 1, slotUntil: 1 } });
      for await (const { _id, origins: names = [], slotUntil } of silent) {
        occupy(_id, names);
        linger(_id, slotUntil?.getTime() ?? 0);
      }
    },
  };
}
