import type { RunState } from '@gleaner/contracts';
import type { Database, RunDocument } from '@gleaner/database';
import { MinHeap } from '@gleaner/schedule';
import { paceOf, tightest, type OriginLimits } from './core/originLimits.ts';
import type { KnownRun } from './runBook.ts';

type Wish = { readonly concurrency?: number | undefined; readonly perMinute?: number | undefined };

interface Origin {
  readonly name: string;
  /** Tries that have a slot, by their keys. */
  readonly held: Set<string>;
  /** Until when each slot that became free rests, so that the next run's first request keeps its distance from the last one's last. */
  readonly resting: number[];
  /** Let in later, first come, first served. A run keeps its place here while another of its origins is what it waits for; then it is in nobody's way. */
  readonly waiting: Set<KnownRun>;
  readonly wishes: Map<string, Wish>;
  /** The tightest of the wishes and the default; absent until it is asked for after a change: thousands of jobs may share an origin. */
  limits?: OriginLimits | undefined;
  pausedUntil: number;
}

/** A run that waits: for which of its origins, and where it has a place. */
interface Place {
  at: Origin;
  readonly queues: Set<Origin>;
}

/** A try of a run. Slots belong to tries: one that was given up may still be asking while the next is under way. */
export interface RunTry {
  readonly run: string;
  readonly try: number;
}

/** What of a run says whether its present try has slots. */
export type SlotFacts = Pick<RunDocument, '_id' | 'attempts' | 'origins' | 'lastReport' | 'slotTry' | 'slotUntil'> & { readonly state: RunState };

export type OriginSlots = ReturnType<typeof createOriginSlots>;

const keyOf = ({ run, try: number }: RunTry): string => `${run} ${number}`;

/**
 * Who may ask an upstream now. Slots are recomputed from `runs` at take-over, never only counted;
 * with a limit per minute a new leader lets every slot rest once first, because it cannot know when the last request was.
 */
export function createOriginSlots({ database, defaults, startedAt }: { readonly database: Database; readonly defaults: OriginLimits; readonly startedAt: number }) {
  const origins = new Map<string, Origin>();
  const heldBy = new Map<string, readonly string[]>();
  /** Tries that were given up without a last report, by their keys, and until when their attempts may still be asking. */
  const lingering = new Map<string, RunTry & { readonly until: number }>();
  const places = new Map<KnownRun, Place>();
  /** Where each job that asks for limits has asked for them. */
  const wished = new Map<string, readonly string[]>();
  const wakes = new MinHeap<Origin>();

  const originOf = (name: string): Origin => {
    const known = origins.get(name);
    if (known) return known;
    const origin: Origin = { name, held: new Set(), resting: [], waiting: new Set(), wishes: new Map(), pausedUntil: 0 };
    origins.set(name, origin);
    return origin;
  };

  const paceAt = (origin: Origin, own: Wish = {}) => {
    origin.limits ??= tightest([{ ...defaults, perMinute: defaults.perMinute || undefined }, ...origin.wishes.values()]);
    return paceOf(tightest([origin.limits, own]));
  };

  const changeWish = (job: string, origin: Origin, wish: Wish | undefined): void => {
    if (wish === undefined) origin.wishes.delete(job);
    else origin.wishes.set(job, wish);
    origin.limits = undefined;
    // There may be more slots now; nobody else asks those that wait for one.
    if (origin.waiting.size > 0) wakes.push(0, origin);
  };

  const free = (origin: Origin, now: number, own?: Wish): number => {
    const { slots, spacing } = paceAt(origin, own);
    if (origin.pausedUntil > now) return 0;
    if (lingering.size > 0) for (const key of origin.held) { const until = lingering.get(key)?.until; if (until !== undefined && until <= now) release(key, now, until); }
    if (spacing > 0 && startedAt + spacing > now) { wakes.push(startedAt + spacing, origin); return 0; }
    for (let index = origin.resting.length - 1; index >= 0; index -= 1) if ((origin.resting[index] ?? 0) <= now) origin.resting.splice(index, 1);
    return slots - origin.held.size - origin.resting.length;
  };

  /** Those that wait for a slot at this origin and nothing else, in their order. */
  function* waitingAt(origin: Origin): Generator<KnownRun> {
    for (const run of origin.waiting) if (places.get(run)?.at === origin) yield run;
  }

  /** True where the run is among those that the free slots are for: nobody overtakes those who wait. */
  const isItsTurn = (origin: Origin, run: KnownRun, slots: number): boolean => {
    if (slots <= 0) return false;
    let before = 0;
    for (const one of origin.waiting) {
      if (one === run) return true;
      if (places.get(one)?.at !== origin) continue;
      before += 1;
      if (before >= slots) return false;
    }
    return true;
  };

  const waitAt = (origin: Origin, run: KnownRun): void => {
    const place = places.get(run);
    origin.waiting.add(run);
    if (place === undefined) places.set(run, { at: origin, queues: new Set([origin]) });
    else {
      // Where it had waited until now, others may go on.
      if (place.at !== origin) wakes.push(0, place.at);
      place.at = origin;
      place.queues.add(origin);
    }
  };

  const leaveQueues = (run: KnownRun): Place | undefined => {
    const place = places.get(run);
    for (const origin of place?.queues ?? []) origin.waiting.delete(run);
    places.delete(run);
    return place;
  };

  const occupy = (key: string, names: readonly string[]): void => {
    for (const name of names) originOf(name).held.add(key);
    if (names.length > 0) heldBy.set(key, names);
  };

  const release = (key: string, now: number, endedAt = now): void => {
    for (const name of heldBy.get(key) ?? []) {
      const origin = originOf(name);
      origin.held.delete(key);
      const restsUntil = endedAt + paceAt(origin).spacing;
      if (restsUntil > now) origin.resting.push(restsUntil);
      wakes.push(restsUntil, origin);
    }
    heldBy.delete(key);
    lingering.delete(key);
  };

  const linger = (one: RunTry, names: readonly string[], until: number): void => {
    if (names.length === 0) return;
    const key = keyOf(one);
    occupy(key, names);
    lingering.set(key, { ...one, until });
    for (const name of names) wakes.push(until, originOf(name));
  };

  return {
    /** What a job asks of its origins now, kept while the job lives; it takes the place of what the job asked before. `undefined` = nothing any more. */
    wish(job: string, names: readonly string[], wish: Wish | undefined): void {
      for (const name of wished.get(job) ?? []) changeWish(job, originOf(name), undefined);
      wished.delete(job);
      if (wish === undefined || (wish.concurrency ?? wish.perMinute) === undefined || names.length === 0) return;
      for (const name of names) changeWish(job, originOf(name), wish);
      wished.set(job, names);
    },

    /** Takes a slot at each of the run's origins for its next try, or puts it into the queue of the one that has none. */
    admit(run: KnownRun, now: number, own: Wish): boolean {
      const wanted = (run.origins ?? []).map(originOf);
      const full = wanted.find((origin) => !isItsTurn(origin, run, free(origin, now, own)));
      if (full !== undefined) {
        waitAt(full, run);
        return false;
      }
      leaveQueues(run);
      occupy(keyOf({ run: run._id, try: run.attempts + 1 }), wanted.map(({ name }) => name));
      return true;
    },

    /** The least ms between two requests of a run at these origins, as the limits are now; undefined where there is none. */
    spacingOf(names: readonly string[], own: Wish): number | undefined {
      const spacing = Math.max(0, ...names.map((name) => paceAt(originOf(name), own).spacing));
      return spacing > 0 ? spacing : undefined;
    },

    /**
     * Has or frees the slots of the run's present try as the run itself says: held while it is queued or running, and where it was given up
     * without a last report until its attempt must have ended. Again: nothing.
     */
    follow(run: SlotFacts, now: number): void {
      const one = { run: run._id, try: run.attempts };
      if (run.state === 'queued' || run.state === 'running') occupy(keyOf(one), run.origins ?? []);
      else if (run.slotTry === run.attempts && run.slotUntil !== undefined && run.slotUntil.getTime() > now && run.lastReport?.try !== run.attempts) linger(one, run.origins ?? [], run.slotUntil.getTime());
      else {
        release(keyOf(one), now);
        // Let in already, and then not moved after all.
        release(keyOf({ ...one, try: run.attempts + 1 }), now);
      }
    },

    /** The try has reported for the last time, or was not sent: its slots rest and are free. Again: nothing. */
    release: (one: RunTry, now: number): void => { release(keyOf(one), now); },

    /** True while the try has slots: a run that waited for its next try when it was cancelled has given them back. */
    holds: (one: RunTry): boolean => heldBy.has(keyOf(one)),

    /** Tries that were given up, but whose attempts may still be asking, or their ticks still on their way; at most `limit`. */
    lingering: (limit: number): readonly RunTry[] => [...lingering.values()].slice(0, limit),

    /** The run waits for nothing any more: those behind it are asked. */
    leave(run: KnownRun): void {
      const place = leaveQueues(run);
      if (place !== undefined) wakes.push(0, place.at);
    },

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
        for (const run of waitingAt(origin)) {
          if (taken >= slots) break;
          ready.push(run);
          taken += 1;
        }
      }
      return ready;
    },

    /** Reads pauses and the slots of tries that were given up without a last report, also of runs whose end nobody has settled: that frees them, or says until when. */
    async load(now: Date): Promise<void> {
      for await (const { _id, pausedUntil } of database.collections.origins.find({ pausedUntil: { $gt: now } })) {
        const origin = originOf(_id);
        origin.pausedUntil = pausedUntil?.getTime() ?? 0;
        wakes.push(origin.pausedUntil, origin);
      }
      const facts = { attempts: 1, origins: 1, slotTry: 1, slotUntil: 1, lastReport: 1 } as const;
      const unsettled = database.collections.runs.find({ unsettled: { $exists: true }, state: { $in: ['cancelled', 'expired', 'failed'] }, queuedAt: { $exists: true } }, { projection: facts });
      for await (const { _id, attempts, origins: names = [], lastReport } of unsettled) if (lastReport?.try !== attempts) occupy(keyOf({ run: _id, try: attempts }), names);
      for await (const { _id, origins: names = [], slotTry = 0, slotUntil, lastReport } of database.collections.runs.find({ slotUntil: { $gt: now } }, { projection: facts }))
        if (slotUntil !== undefined && lastReport?.try !== slotTry) linger({ run: _id, try: slotTry }, names, slotUntil.getTime());
    },
  };
}
