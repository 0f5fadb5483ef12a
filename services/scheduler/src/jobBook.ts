import type { Schedule } from '@gleaner/contracts';
import { readAhead, type Database } from '@gleaner/database';
import { accountFires, compileSchedule, MinHeap, originsOf, parentsOf, type Account, type JobSpan } from '@gleaner/schedule';
import { releaseMemory } from '@gleaner/runtime';
import type { SchedulerTimes } from './config.ts';

export interface OriginWish {
  readonly concurrency?: number | undefined;
  readonly perMinute?: number | undefined;
}

/** What the leader keeps of a job: enough to know its fires, and little, because there may be 100,000 of them. */
export interface JobEntry {
  readonly id: string;
  dataset: string;
  version: number;
  deleted: boolean;
  paused: boolean;
  maxAttempts: number;
  origins: readonly string[];
  limits: OriginWish | undefined;
  /** Versions whose fires are not all in the ledger yet; nearly always one. */
  spans: readonly JobSpan[];
  /** Watermark of the ledger, ms; `stored` = as MongoDB has it, undefined where it has none. */
  through: number;
  stored: number | undefined;
  storedVersion: number;
  nextFire: number | undefined;
  /** When this entry is to be looked at; what the heap says counts only where it equals this. */
  wakeAt: number;
  /** MongoDB holds something else than this entry: read again before use. */
  stale: boolean;
}

interface JobRow {
  readonly _id: string;
  readonly version: number;
  readonly dataset: string;
  readonly paused: boolean;
  readonly deleted?: true;
  readonly changedAt: Date;
  readonly definition: { readonly schedule: Schedule; readonly source: { readonly http?: { readonly url: string; readonly origins?: readonly string[]; readonly retry?: { readonly attempts: number } } }; readonly limits?: OriginWish };
}

const jobFields = { version: 1, dataset: 1, paused: 1, deleted: 1, changedAt: 1, 'definition.schedule': 1, 'definition.source.http.url': 1, 'definition.source.http.origins': 1, 'definition.source.http.retry': 1, 'definition.limits': 1 } as const;
const never = Number.POSITIVE_INFINITY;

export type JobBook = ReturnType<typeof createJobBook>;

/** All jobs as the leader knows them, with the one that fires next on top. */
export function createJobBook({ database, times }: { readonly database: Database; readonly times: Pick<SchedulerTimes, 'aheadMs' | 'burstAheadMs' | 'gatherMs' | 'lateAfterMs'> }) {
  const entries = new Map<string, JobEntry>();
  const heap = new MinHeap<JobEntry>();
  const texts = new Map<string, string>();
  const schedules = new Map<string, Schedule>();
  /** Parent → jobs that run after it. */
  const children = new Map<string, Set<string>>();
  const { jobs, schedules: stored, revisions, runs } = database.collections;

  /** Equal schedules and origins are one object in memory. */
  const shareText = (text: string): string => texts.get(text) ?? (texts.set(text, text), text);
  const share = (schedule: Schedule): Schedule => {
    const key = JSON.stringify(schedule);
    const known = schedules.get(key);
    if (known) return known;
    schedules.set(key, schedule);
    return schedule;
  };

  const spanOf = ({ changedAt, version, paused, schedule, deleted }: { changedAt: Date; version: number; paused: boolean; schedule: Schedule; deleted: boolean }): JobSpan =>
    ({ from: changedAt.getTime(), version, paused, schedule: share(schedule), ...(deleted ? { deleted } : {}) });

  const wake = (entry: JobEntry, at: number): void => {
    entry.wakeAt = at;
    if (at < never) heap.push(at, entry);
  };

  /** How long before its fire an entry is looked at: the fires soon after it are then taken along, and still not too early. */
  const leadOf = (aheadMs: number): number => aheadMs - Math.min(times.gatherMs, aheadMs / 2);

  /** Sets the entry's next moment: that of its next fire's row, or at once where something is owed. */
  const plan = (entry: JobEntry): void => {
    const newest = entry.spans.at(-1);
    const active = newest !== undefined && !newest.paused && !newest.deleted;
    entry.nextFire = active ? compileSchedule(newest.schedule).next(Math.max(entry.through, newest.from - 1)) : undefined;
    if (owes(entry)) wake(entry, 0);
    else wake(entry, entry.nextFire === undefined ? never : entry.nextFire - leadOf(times.burstAheadMs));
  };

  const enter = (row: JobRow, more: Pick<JobEntry, 'spans' | 'through' | 'stored' | 'storedVersion'>): JobEntry => {
    const { http } = row.definition.source;
    const fields = {
      dataset: row.dataset, version: row.version, deleted: row.deleted === true, paused: row.paused, maxAttempts: http?.retry?.attempts ?? 5,
      origins: originsOf(http).map(shareText), limits: row.definition.limits, nextFire: undefined, wakeAt: never, stale: false, ...more,
    };
    const known = entries.get(row._id);
    const entry: JobEntry = known === undefined ? { id: row._id, ...fields } : Object.assign(known, fields);
    entries.set(row._id, entry);
    for (const parent of parentsOf(row.definition.schedule)) { const known = children.get(parent); if (known) known.add(row._id); else children.set(parent, new Set([row._id])); }
    plan(entry);
    return entry;
  };

  /** Versions of a job that are not wholly before `through`, oldest first. */
  const spansSince = async (job: Pick<JobRow, '_id' | 'dataset'>, through: number): Promise<JobSpan[]> => {
    const spans: JobSpan[] = [];
    const cursor = revisions.find({ job: job._id }, { projection: { version: 1, dataset: 1, changedAt: 1, paused: 1, what: 1, 'definition.schedule': 1 }, sort: { version: -1 }, batchSize: 50 });
    for await (const { version, dataset, changedAt, paused, what, definition } of cursor) {
      spans.unshift({ ...spanOf({ changedAt, version, paused, schedule: definition.schedule, deleted: what === 'deleted' }), ...(dataset === job.dataset ? {} : { dataset }) });
      if (changedAt.getTime() <= through) break;
    }
    return spans;
  };

  /** The newest moment that the runs themselves say is accounted for: a crash may have left the watermark behind them. */
  const newestFireRow = async (job: string): Promise<number> => {
    const newest = await runs.findOne({ job, trigger: { $in: ['schedule', 'catch-up'] } }, { projection: { scheduledAt: 1, through: 1 }, sort: { scheduledAt: -1, _id: -1 } });
    return newest === null ? Number.NEGATIVE_INFINITY : (newest.through ?? newest.scheduledAt).getTime();
  };

  const readAgain = async (row: JobRow): Promise<JobEntry> => {
    const known = await stored.findOne({ _id: row._id });
    const current = spanOf({ changedAt: row.changedAt, version: row.version, paused: row.paused, schedule: row.definition.schedule, deleted: row.deleted === true });
    if (known === null && row.version === 1) return enter(row, { spans: [current], through: row.changedAt.getTime() - 1, stored: undefined, storedVersion: 0 });
    const through = Math.max(known?.through.getTime() ?? Number.NEGATIVE_INFINITY, await newestFireRow(row._id));
    const found = known?.version === row.version ? [] : await spansSince(row, through);
    const spans = found.length === 0 ? [current] : found;
    return enter(row, { spans, through: Math.max(through, (spans[0]?.from ?? 0) - 1), stored: known?.through.getTime(), storedVersion: known?.version ?? 0 });
  };

  return {
    get size(): number { return entries.size; },
    /** When something is next to be done, ms; undefined = nothing. */
    get nextAt(): number | undefined { return heap.nextAt; },
    get: (id: string): JobEntry | undefined => entries.get(id),
    all: (): IterableIterator<JobEntry> => entries.values(),
    plan,
    /** Jobs that have named this one as a parent; what their schedules say now is to be looked at. */
    childrenOf: (parent: string): readonly JobEntry[] => [...(children.get(parent) ?? [])].flatMap((id) => entries.get(id) ?? []),
    /** Puts back what was taken too early: only a burst needs its rows so long before. */
    later(entry: JobEntry): void { wake(entry, (entry.nextFire ?? 0) - leadOf(times.aheadMs)); },
    /** True where the entry's next row is not needed yet. */
    canWait: (entry: JobEntry, now: number): boolean => !entry.stale && entry.nextFire !== undefined && entry.nextFire - times.aheadMs > now && !owes(entry),

    /** Reads every job and its watermark; the jobs whose ledger has to be read more closely come back as stale entries. */
    async load(): Promise<void> {
      entries.clear();
      heap.clear();
      const marks = new Map<string, { through: Date; version: number }>();
      for await (const batch of readAhead(stored.find({}, { projection: { through: 1, version: 1 }, batchSize: 5_000 }))) for (const { _id, through, version } of batch) marks.set(_id, { through, version });
      let read = 0;
      for await (const batch of readAhead(jobs.find<JobRow>({}, { projection: jobFields, batchSize: 2_000 }))) for (const row of batch) {
        const mark = marks.get(row._id);
        marks.delete(row._id);
        read += 1;
        // Documents are read once and thrown away: left alone, V8 would let them pile up to several times what is kept.
        if (read % 10_000 === 0) releaseMemory();
        if (row.deleted && mark !== undefined && mark.version >= row.version) continue;
        const current = spanOf({ changedAt: row.changedAt, version: row.version, paused: row.paused, schedule: row.definition.schedule, deleted: row.deleted === true });
        const through = Math.max(mark?.through.getTime() ?? 0, row.changedAt.getTime() - 1);
        const entry = enter(row, { spans: [current], through: mark === undefined ? through : Math.max(mark.through.getTime(), 0), stored: mark?.through.getTime(), storedVersion: mark?.version ?? 0 });
        if (mark === undefined ? row.version > 1 : mark.version !== row.version) markStale(entry);
      }
    },

    markStale,

    /** Reads these jobs anew, with every version since their watermark. */
    async refresh(ids: readonly string[]): Promise<JobEntry[]> {
      const rows = await jobs.find<JobRow>({ _id: { $in: [...ids] } }, { projection: jobFields }).toArray();
      const found = new Set(rows.map(({ _id }) => _id));
      for (const id of ids) if (!found.has(id)) drop(id);
      return await Promise.all(rows.map(readAgain));
    },

    /** Entries whose moment has come or comes very soon, at most `limit`. */
    takeDue(now: number, limit: number): JobEntry[] {
      const until = now + times.aheadMs - leadOf(times.aheadMs);
      const due: JobEntry[] = [];
      while (due.length < limit) {
        const top = heap.popUntil(until);
        if (top === undefined) break;
        const { value: entry, at } = top;
        if (entries.get(entry.id) !== entry || entry.wakeAt !== at) continue; // planned anew since
        entry.wakeAt = never;
        due.push(entry);
      }
      return due;
    },

    /** What the ledger owes for an entry by now. */
    account: (entry: JobEntry, { now, ahead, limit }: { readonly now: number; readonly ahead: number; readonly limit: number }): Account =>
      accountFires({ jobId: entry.id, spans: entry.spans, through: entry.through, now, ahead, lateAfter: times.lateAfterMs, limit }),

    /** The entry as the ledger now is; versions that are wholly in it are let go. */
    advanced(entry: JobEntry, { through, more }: Pick<Account, 'through' | 'more'>): void {
      entry.through = Math.max(entry.through, through);
      entry.stored = entry.through;
      if (!more) entry.spans = openSpans(entry.spans);
      entry.storedVersion = storedVersionOf(entry, more);
      if (entry.deleted && !more) drop(entry.id);
      else plan(entry);
    },
    storedVersionOf,
    drop,
  };

  function markStale(entry: JobEntry): void {
    entry.stale = true;
    wake(entry, 0);
  }

  function drop(id: string): void {
    const entry = entries.get(id);
    if (entry) entry.wakeAt = never;
    entries.delete(id);
  }
}

/** True where MongoDB does not say yet what this entry says, or where versions wait to be accounted for. */
function owes(entry: JobEntry): boolean {
  const open = openSpans(entry.spans);
  return entry.stale || entry.stored !== entry.through || open.length !== entry.spans.length || entry.storedVersion !== open[0]?.version;
}

/** Which version MongoDB is told: the oldest that is still owed something, so that a successor reads from there. */
function storedVersionOf(entry: Pick<JobEntry, 'spans' | 'storedVersion'>, more: boolean): number {
  return more ? entry.storedVersion : (openSpans(entry.spans)[0]?.version ?? entry.storedVersion);
}

/** The newest version and, while the job is paused, all of the pause: its row is written when it ends. */
function openSpans(spans: readonly JobSpan[]): readonly JobSpan[] {
  let first = spans.length - 1;
  while (first > 0 && isPause(spans[first]) && isPause(spans[first - 1])) first -= 1;
  return spans.slice(Math.max(0, first));
}

const isPause = (span: JobSpan | undefined): boolean => span?.paused === true && span.deleted !== true;
