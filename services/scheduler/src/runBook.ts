import { unendedStates } from '@gleaner/contracts';
import type { Database, Filter, ForEachInput, RunDocument } from '@gleaner/database';
import { MinHeap, type UnendedRun } from '@gleaner/schedule';
import { byMoment, JobRuns } from './jobRuns.ts';
import { forgetPrepared, type PreparedTick } from './prepareTicks.ts';

/** An unended run as the leader knows it. Only what decisions and ticks need; `state` follows the leader's own moves at once, storage's when they are heard of. */
export type KnownRun = {
  -readonly [K in keyof Pick<RunDocument, '_id' | 'job' | 'dataset' | 'jobVersion' | 'trigger' | 'scheduledAt' | 'dueAt' | 'attempts' | 'maxAttempts' | 'inputs' | 'expiresAt' | 'held' | 'inTurn' | 'origins' | 'nextAttemptAt' | 'withoutValidators' | 'queuedAt' | 'startedAt' | 'depth' | 'error' | 'insertedAt' | 'dueSince' | 'slotTry' | 'slotUntil' | 'lastReport'>]: RunDocument[K];
} & {
  state: UnendedRun['state'];
  /** Read ahead of its moment: what the tick needs beside the run itself. */
  prepared?: PreparedTick | undefined;
  /** What it takes along from another job's snapshot, frozen on the run when it is queued. */
  forEach?: ForEachInput | undefined;
  /** Its origins or inputs are not on its row yet. */
  unwritten?: true;
};

const fields = {
  job: 1, dataset: 1, jobVersion: 1, trigger: 1, state: 1, scheduledAt: 1, dueAt: 1, attempts: 1, maxAttempts: 1, inputs: 1, expiresAt: 1, held: 1, inTurn: 1, origins: 1, nextAttemptAt: 1, withoutValidators: 1, queuedAt: 1, startedAt: 1, depth: 1, error: 1, insertedAt: 1, dueSince: 1, slotTry: 1, slotUntil: 1, lastReport: 1,
} as const;
const states = [...unendedStates];

/** How far back a scan looks for runs that have moved: longer than any write may take to become visible, ms. */
const lookBackMs = 10_000;

export type RunBook = ReturnType<typeof createRunBook>;

/** The unended runs, by job and by the moment at which something is to be done about them. */
export function createRunBook({ database, onForgotten = () => undefined }: { readonly database: Database; /** Told of each run that waits for nothing any more, whoever ended it. */ readonly onForgotten?: (run: KnownRun) => void }) {
  const byId = new Map<string, KnownRun>();
  const byJob = new Map<string, JobRuns>();
  const heap = new MinHeap<KnownRun>();
  const punctual = new MinHeap<KnownRun>();
  const { runs } = database.collections;
  let scannedTo = 0;

  /** Of each read that is under way, the runs that were forgotten since it began. */
  const forgottenSince = new Set<Set<string>>();

  const forget = (id: string): KnownRun | undefined => {
    for (const gone of forgottenSince) gone.add(id);
    const known = byId.get(id);
    if (known === undefined) return undefined;
    byId.delete(id);
    const siblings = byJob.get(known.job);
    siblings?.remove(known);
    if (siblings?.size === 0) byJob.delete(known.job);
    onForgotten(known);
    return known;
  };

  /**
   * What the database has, without the runs that were forgotten while it was read: their end was seen to meanwhile, and put back they would
   * count as under way for ever. `use` is called before anything else can be forgotten.
   */
  const read = async <T>(filter: Filter<KnownRun>, use: (found: readonly KnownRun[]) => T): Promise<T> => {
    const gone = new Set<string>();
    forgottenSince.add(gone);
    try {
      const found = await runs.find<KnownRun>(filter as Filter<RunDocument>, { projection: fields }).toArray();
      return use(found.filter(({ _id }) => !gone.has(_id)));
    } finally {
      forgottenSince.delete(gone);
    }
  };

  const wakeAtOf = (run: KnownRun): number | undefined => {
    if (run.state === 'due') return run.dueAt.getTime();
    return run.state === 'retrying' && run.nextAttemptAt !== undefined ? run.nextAttemptAt.getTime() : undefined;
  };

  /** Takes a run in, or its newer state as the database has it; one that waits is put up for its moment. */
  const take = (run: KnownRun): void => {
    const known = byId.get(run._id);
    const before = known === undefined ? undefined : wakeAtOf(known);
    // What was prepared for another version of the job is of no use for this one.
    if (known !== undefined && known.jobVersion !== run.jobVersion) forgetPrepared(known);
    const entry = known === undefined ? run : Object.assign(known, run);
    if (known === undefined) {
      byId.set(run._id, entry);
      if (!byJob.has(run.job)) byJob.set(run.job, new JobRuns());
    }
    byJob.get(entry.job)?.file(entry);
    const at = wakeAtOf(entry);
    if (at !== undefined && (at !== before || known === undefined)) heap.push(at, entry);
  };

  return {
    get size(): number { return byId.size; },
    get nextAt(): number | undefined { return heap.nextAt; },
    get: (id: string): KnownRun | undefined => byId.get(id),
    /** True where the job has unended runs. */
    hasOf: (job: string): boolean => byJob.has(job),
    /** The job's unended runs but for those that wait in line: of these one at most. */
    rivalsOf: (job: string): readonly KnownRun[] => byJob.get(job)?.rivals ?? [],
    /** The first in each of the job's lines. */
    headsOf: (job: string, limit: number): readonly KnownRun[] => byJob.get(job)?.heads(limit) ?? [],
    /** The run was changed here: it may stand in a line now, or in none any more. */
    refile: (run: KnownRun): void => { if (byId.get(run._id) === run) byJob.get(run.job)?.file(run); },
    all: (): IterableIterator<KnownRun> => byId.values(),
    /**
     * Takes in a run as it was inserted. One that is known stays as it is: the news may be late, and the run queued since
     * (a tick of the run as it was would carry try 0, which no collector reads).
     */
    learn(run: KnownRun): void { if (!byId.has(run._id)) take(run); },
    forget,
    /** Puts a run up for its very moment: it was looked at ahead of it and cannot start ahead. */
    postpone(run: KnownRun): void { punctual.push(wakeAtOf(run) ?? 0, run); },
    get nextPunctualAt(): number | undefined { return punctual.nextAt; },
    /** Puts a run up again although nothing about it has changed: what held it may be gone. */
    again(run: KnownRun): void { heap.push(0, run); },

    get waiting(): number { return heap.size; },

    /** Runs whose moment has come, or comes within `ahead` ms, earliest first, each once. */
    takeDue(now: number, ahead: number, limit: number): KnownRun[] {
      const due = new Set<KnownRun>();
      const until = now + ahead;
      while (due.size < limit) {
        const top = punctual.popUntil(now) ?? heap.popUntil(until);
        if (top === undefined) break;
        const run = top.value;
        const at = wakeAtOf(run);
        if (byId.get(run._id) === run && at !== undefined && at <= until) due.add(run);
      }
      return [...due].sort(byMoment);
    },

    /** Reads all unended runs: at take-over. */
    async load(): Promise<void> {
      byId.clear();
      byJob.clear();
      heap.clear();
      punctual.clear();
      scannedTo = database.clock.now().getTime();
      for await (const run of runs.find<KnownRun>({ state: { $in: states } }, { projection: fields, batchSize: 5_000 })) take(run);
    },

    /** Reads the unended runs of these jobs as they are now, before anything is decided against one of them; but for those in line, against which nothing is. */
    async reload(jobs: readonly string[]): Promise<void> {
      await read({ job: { $in: [...jobs] }, state: { $in: states }, $nor: [{ state: 'due', trigger: 'backfill' }, { state: 'due', inTurn: true }] }, (found) => {
        const ids = new Set(found.map(({ _id }) => _id));
        for (const job of jobs) for (const known of byJob.get(job)?.outOfLine ?? []) if (!ids.has(known._id)) forget(known._id);
        for (const run of found) { clearAbsent(run, byId.get(run._id)); take(run); }
      });
    },

    /** Reads these runs as they are now; those that have ended are forgotten. */
    async reread(ids: readonly string[]): Promise<void> {
      await read({ _id: { $in: [...ids] } }, (found) => {
        for (const run of found) {
          if (states.includes(run.state)) { clearAbsent(run, byId.get(run._id)); take(run); } else forget(run._id);
        }
      });
    },

    /** Runs that wait as the database has it and are not known to: what no event has told. They are to be read again. */
    async scan(now: Date): Promise<string[]> {
      const missed: string[] = [];
      const open = { held: { $exists: false } };
      // One that waits for its next try has given its slots back, which is known soon, whenever that try is. Thousands may wait so for hours: they are looked at once (10,000 that wait cost the leader 5 ms a scan, where reading all of them took 130).
      const moved = { $gte: new Date(scannedTo - lookBackMs) };
      // Little of each: in a burst thousands are due that are known, and reading them whole would cost the moment itself.
      const about = { projection: { state: 1, attempts: 1 }, limit: 20_000, batchSize: 20_000 } as const;
      for (const waiting of [{ state: 'due', dueAt: { $lte: now }, ...open }, { state: 'retrying', nextAttemptAt: { $lte: now }, ...open }, { state: 'retrying', movedAt: moved }] as const) {
        for await (const { _id, state, attempts } of runs.find(waiting, about)) {
          const known = byId.get(_id);
          // One whose move to `queued` is on its way has counted its try already.
          if (known === undefined || (known.state !== state && known.attempts <= attempts)) missed.push(_id);
        }
      }
      scannedTo = now.getTime();
      return missed;
    },
  };
}

/** A field that the run no longer has must not live on in memory. */
function clearAbsent(run: KnownRun, known: KnownRun | undefined): void {
  if (known === undefined) return;
  for (const name of ['held', 'expiresAt', 'nextAttemptAt', 'queuedAt', 'startedAt', 'origins', 'error', 'slotTry', 'slotUntil', 'lastReport'] as const) if (run[name] === undefined) delete known[name];
}

/** The run as overlap decisions see it. */
export const asUnended = (run: KnownRun): UnendedRun => ({ id: run._id, state: run.state, trigger: run.trigger, again: run.dueSince > run.insertedAt, held: run.held, inTurn: run.inTurn });
