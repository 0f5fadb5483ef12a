import type { Schedule } from '@gleaner/contracts';
import { compileSchedule } from './compileSchedule.ts';
import { jitterOf } from './jitterOf.ts';

/** One version of a job over its own interval: from `from` (inclusive, ms) until the next span's. */
export interface JobSpan {
  readonly from: number;
  readonly version: number;
  readonly paused: boolean;
  readonly deleted?: boolean;
  /** Its dataset, where that is not the job's present one: the job was deleted and made again since. */
  readonly dataset?: string;
  readonly schedule: Schedule;
}

/** What the ledger gets: a fire to run, or one row for a stretch of fires that had no run. Moments in ms. */
export type LedgerRow =
  | { readonly kind: 'fire'; readonly at: number; readonly dueAt: number; readonly version: number; readonly catchUp: boolean }
  | { readonly kind: 'missed'; readonly reason: 'misfire' | 'grace' | 'job deleted'; readonly at: number; readonly through: number; readonly count: number; readonly version: number }
  | { readonly kind: 'paused'; readonly at: number; readonly through: number; readonly count: number; readonly version: number };

export interface AccountOptions {
  readonly jobId: string;
  /** Versions of the job in order; those that ended before `through` may be left out. */
  readonly spans: readonly JobSpan[];
  /** Everything up to here is in the ledger. */
  readonly through: number;
  readonly now: number;
  /** How far before its moment a fire may get its row, ms. */
  readonly ahead: number;
  /** A fire this late (ms) is a misfire. */
  readonly lateAfter: number;
  /** Most rows of one call; more are said by `more`. */
  readonly limit: number;
}

export interface Account {
  readonly rows: readonly LedgerRow[];
  /** New watermark: never before the old one. */
  readonly through: number;
  /** The first fire after `through`, unless the job is paused, deleted or at its end. */
  readonly nextFire?: number;
  /** True where the limit was reached: ask again. */
  readonly more: boolean;
}

/**
 * Brings a job's ledger up to now (and `ahead`): every fire of every version over its own interval becomes exactly one row or part of one.
 * Pure: the same for a leader on time, a leader after an outage of a year, a simulation and a test.
 */
export function accountFires(options: AccountOptions): Account {
  const { spans, through, now, ahead, limit } = options;
  const horizon = now + ahead;
  const rows: FoundRow[] = [];
  // A deleted job runs nothing any more, also where it was made again since: what it still owed is missed.
  let dead = false;
  let laterDue = false;
  let openPause = false;
  // From the newest version to the oldest: whether a fire is missed depends on what is due after it.
  for (let index = spans.length - 1; index >= 0; index -= 1) {
    const span = spans[index];
    if (span === undefined) continue;
    if (span.deleted) {
      dead = true;
      openPause = false;
      continue;
    }
    const next = spans[index + 1];
    if (span.paused && (next === undefined || openPause)) {
      openPause = true; // its row is written when the pause ends: until then nobody can count it
      continue;
    }
    const low = Math.max(through, span.from - 1);
    const high = Math.min(horizon, (next?.from ?? Number.POSITIVE_INFINITY) - 1);
    if (high <= low) continue;
    const found = span.paused ? pausedRows(span, low, high) : dead ? missedRows(span, low, high) : spanRows({ options, span, low, high, laterDue });
    if (!span.paused && found.some((row) => isDue(row, now))) laterDue = true;
    rows.unshift(...found);
    openPause = false;
  }
  // A stretch that takes long to count ends early; what comes after it comes with the next call.
  const cut = rows.findIndex((row) => row.cut);
  const merged = merge(cut < 0 ? rows : rows.slice(0, cut + 1), spans);
  const taken = merged.slice(0, limit);
  const last = taken.at(-1);
  const reached = last === undefined ? through : Math.max(through, endOf(last));
  const newest = spans.at(-1);
  const after = newest === undefined || newest.paused || newest.deleted ? undefined : compileSchedule(newest.schedule).next(Math.max(reached, newest.from - 1));
  return { rows: taken, through: reached, more: merged.length > taken.length || cut >= 0, ...(after === undefined ? {} : { nextFire: after }) };
}

/** `cut`: a stretch that goes on after its `through`. */
type FoundRow = LedgerRow & { readonly cut?: boolean };

const endOf = (row: LedgerRow): number => (row.kind === 'fire' ? row.at : row.through);
const isDue = (row: LedgerRow, now: number): boolean => row.kind === 'missed' || (row.kind === 'fire' && row.dueAt <= now);

function pausedRows({ schedule, version }: JobSpan, low: number, high: number): FoundRow[] {
  const stretch = stretchOf(schedule, low, high);
  return stretch ? [{ kind: 'paused', ...stretch, version }] : [];
}

function missedRows({ schedule, version }: JobSpan, low: number, high: number): FoundRow[] {
  const stretch = stretchOf(schedule, low, high);
  return stretch ? [{ kind: 'missed', reason: 'job deleted', ...stretch, version }] : [];
}

function stretchOf(schedule: Schedule, low: number, high: number): { at: number; through: number; count: number; cut?: boolean } | undefined {
  const compiled = compileSchedule(schedule);
  const at = compiled.next(low);
  if (at === undefined || at > high) return undefined;
  const until = compiled.countableUntil(at - 1, high);
  const cut = until < high && (compiled.next(until) ?? Number.POSITIVE_INFINITY) <= high;
  return { at, through: compiled.last(at - 1, until) ?? at, count: compiled.count(at - 1, until), ...(cut ? { cut } : {}) };
}

interface SpanRows {
  readonly options: AccountOptions;
  readonly span: JobSpan;
  readonly low: number;
  readonly high: number;
  /** A later version has a fire that is due by now. */
  readonly laterDue: boolean;
}

function spanRows({ options, span, low, high, laterDue }: SpanRows): FoundRow[] {
  const { now, lateAfter, limit, jobId } = options;
  const { schedule, version } = span;
  const { jitter, misfire, grace } = schedule;
  const compiled = compileSchedule(schedule);
  // Fires this old are missed whatever their jitter: counted, not walked, so that a year's outage costs nothing.
  const bulkUntil = Math.min(high, misfire === 'latest' ? beforeLastDue(schedule, low, Math.min(high, now - jitter - 1), laterDue) : now - jitter - 1 - (misfire === 'none' ? lateAfter : grace));
  const bulk = bulkUntil > low ? stretchOf(schedule, low, bulkUntil) : undefined;
  const rows: FoundRow[] = bulk ? [{ kind: 'missed', reason: reasonOf({ misfire, grace, now, dueAt: bulk.through + jitterOf({ jobId, at: bulk.through, jitter }) }), ...bulk, version }] : [];
  if (bulk?.cut) return rows;

  const fires: { at: number; dueAt: number }[] = [];
  // Under `all` the rest may be long: one more than the limit is enough to know that there is more.
  for (let at = compiled.next(Math.max(low, bulkUntil)); at !== undefined && at <= high && (misfire !== 'all' || fires.length <= limit); at = compiled.next(at)) fires.push({ at, dueAt: at + jitterOf({ jobId, at, jitter }) });
  const lastDue = laterDue ? Number.POSITIVE_INFINITY : (fires.findLast(({ dueAt }) => dueAt <= now)?.at ?? Number.NEGATIVE_INFINITY);
  for (const { at, dueAt } of fires) {
    const late = now - dueAt;
    const missed = late >= 0 && (late > grace || (misfire === 'latest' && at < lastDue) || (misfire === 'none' && late > lateAfter));
    if (missed) rows.push({ kind: 'missed', reason: reasonOf({ misfire, grace, now, dueAt }), at, through: at, count: 1, version });
    else rows.push({ kind: 'fire', at, dueAt, version, catchUp: late > lateAfter || (misfire === 'all' && late >= 0 && at < lastDue) });
  }
  return rows;
}

/** Under `latest` all that are surely due are missed but the last of them, which the walk then judges with its jitter. */
function beforeLastDue(schedule: Schedule, low: number, high: number, laterDue: boolean): number {
  if (high <= low) return low;
  if (laterDue) return high;
  const last = compileSchedule(schedule).last(low, high);
  return last === undefined ? high : last - 1;
}

const reasonOf = ({ misfire, grace, now, dueAt }: { misfire: Schedule['misfire']; grace: number; now: number; dueAt: number }): 'misfire' | 'grace' =>
  misfire === 'all' || now - dueAt > grace ? 'grace' : 'misfire';

/** Neighbouring stretches of one kind are one row, unless the job was deleted between them; the row says the newest's reason and version. */
function merge(rows: readonly FoundRow[], spans: readonly JobSpan[]): LedgerRow[] {
  const isOneLife = (older: LedgerRow, newer: LedgerRow): boolean => !spans.some(({ deleted, version }) => deleted && version > older.version && version < newer.version);
  const merged: LedgerRow[] = [];
  for (const { cut: _cut, ...row } of rows) {
    const before = merged.at(-1);
    if (before !== undefined && before.kind !== 'fire' && row.kind === before.kind && isOneLife(before, row)) merged[merged.length - 1] = { ...row, at: before.at, count: before.count + row.count };
    else merged.push(row);
  }
  return merged;
}
