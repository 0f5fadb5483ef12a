import { fireRunId, missedStretchId, pausedStretchId } from '@gleaner/contracts';
import { isDuplicateKey, newRun, type AnyBulkWriteOperation, type Database, type RunDocument, type ScheduleDocument } from '@gleaner/database';
import type { Account, LedgerRow } from '@gleaner/schedule';
import type { JobBook, JobEntry } from './jobBook.ts';

/** Most rows that one transaction writes: `misfire: all` after a long outage goes in such slices. */
const rowsPerSlice = 500;

interface Owed {
  readonly entry: JobEntry;
  readonly account: Account;
  readonly rows: readonly RunDocument[];
}

interface LedgerOptions {
  readonly database: Database;
  readonly book: JobBook;
  readonly entries: readonly JobEntry[];
  readonly now: number;
  readonly ahead: number;
  /** Whether the lease can be relied on; asked right before each write. Where it cannot, nothing more is written and the call rejects. */
  readonly holds: () => boolean;
}

/**
 * Brings the ledgers of these jobs up to now: rows first, then the watermark, each watermark by compare-and-set.
 * One coming fire of a job is one row, whose unique id and the lease are fence enough; anything more (missed stretches, catch-up, pauses)
 * goes with its watermark in one transaction. The runs that are now `due` come back; what another leader has moved is marked stale.
 */
export async function writeLedger({ database, book, entries, now, ahead, holds }: LedgerOptions): Promise<RunDocument[]> {
  const plain: Owed[] = [];
  const catchUps: Owed[] = [];
  for (const entry of entries) {
    const account = book.account(entry, { now, ahead, limit: rowsPerSlice });
    const rows = account.rows.map((row) => documentOf({ entry, row, now }));
    const [first] = account.rows;
    (rows.length <= 1 && (first === undefined || (first.kind === 'fire' && !first.catchUp)) ? plain : catchUps).push({ entry, account, rows });
  }
  expectLease(holds);
  const due = await writePlain({ database, book, owed: plain });
  for (const group of groupsOf(await withoutOrphans({ database, book, owed: catchUps }))) {
    expectLease(holds);
    due.push(...(await writeTogether({ database, book, owed: group })));
  }
  return due;
}

function expectLease(holds: () => boolean): void {
  if (!holds()) throw new Error('expected to hold the lease when the ledger is written; it has run out');
}

/**
 * Those whose first fire has no row yet. A leader that died between a row and its watermark left a fire that a stretch
 * would count a second time, under another id; such a job is read anew, rows included, and comes again.
 */
async function withoutOrphans({ database, book, owed }: { readonly database: Database; readonly book: JobBook; readonly owed: readonly Owed[] }): Promise<Owed[]> {
  const firstRun = ({ entry, rows }: Owed): string | undefined => rows[0] && fireRunId(entry.id, rows[0].scheduledAt);
  const ids = owed.flatMap((one) => firstRun(one) ?? []);
  if (ids.length === 0) return [...owed];
  const found = await database.collections.runs.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
  const there = new Set<string | undefined>(found.map(({ _id }) => _id));
  return owed.filter((one) => {
    const orphan = firstRun(one) !== undefined && there.has(firstRun(one));
    if (orphan) book.markStale(one.entry);
    return !orphan;
  });
}

/** Rows, then watermarks. A row that is there already was written by a leader that died between the two. */
async function writePlain({ database, book, owed }: { readonly database: Database; readonly book: JobBook; readonly owed: readonly Owed[] }): Promise<RunDocument[]> {
  const rows = owed.flatMap((one) => one.rows);
  const there = await insertAll(database, rows);
  const settled = owed.filter(({ entry, account }) => account.rows.length > 0 || needsMark(book, entry, account));
  await advanceMarks({ database, book, owed: settled });
  for (const { entry, account } of owed) if (!settled.some((one) => one.entry === entry)) book.advanced(entry, account);
  return there.size === 0 ? rows : rows.filter(({ _id }) => !there.has(_id));
}

const needsMark = (book: JobBook, entry: JobEntry, account: Account): boolean => entry.stored === undefined || account.through !== entry.stored || book.storedVersionOf(entry, account.more) !== entry.storedVersion;

/** Inserts what is not there yet; the ids of those that are. */
async function insertAll(database: Database, rows: readonly RunDocument[]): Promise<ReadonlySet<string>> {
  if (rows.length === 0) return new Set();
  try {
    await database.collections.runs.insertMany([...rows], { ordered: false });
    return new Set();
  } catch (error) {
    const failures = writeErrorsOf(error);
    if (failures === undefined) throw error;
    return new Set(failures.map((index) => rows[index]?._id ?? ''));
  }
}

/** The positions of duplicates in a bulk write that failed for nothing else, or undefined. */
function writeErrorsOf(error: unknown): number[] | undefined {
  if (typeof error !== 'object' || error === null || !('writeErrors' in error)) return undefined;
  const listed: unknown = error.writeErrors;
  const failures = (Array.isArray(listed) ? listed : [listed]) as readonly { readonly code: number; readonly index: number }[];
  const concern = 'result' in error ? (error.result as { getWriteConcernError?: () => unknown } | undefined)?.getWriteConcernError?.() : undefined;
  return concern === undefined && failures.every(isDuplicateKey) ? failures.map(({ index }) => index) : undefined;
}

async function advanceMarks({ database, book, owed }: { readonly database: Database; readonly book: JobBook; readonly owed: readonly Owed[] }): Promise<void> {
  const { schedules } = database.collections;
  const fresh = owed.filter(({ entry }) => entry.stored === undefined);
  const known = owed.filter(({ entry }) => entry.stored !== undefined);
  const lost = new Set<JobEntry>();
  if (fresh.length > 0) {
    try {
      await schedules.insertMany(fresh.map(({ entry, account }) => markOf(book, entry, account)), { ordered: false });
    } catch (error) {
      const failures = writeErrorsOf(error);
      if (failures === undefined) throw error;
      for (const index of failures) { const one = fresh[index]; if (one) lost.add(one.entry); }
    }
  }
  if (known.length > 0) {
    const { matchedCount } = await schedules.bulkWrite(advancesOf(book, known), { ordered: false });
    if (matchedCount < known.length) {
      // Some are another leader's by now: those whose watermark is not what we have just written.
      const marks = new Map((await schedules.find({ _id: { $in: known.map(({ entry }) => entry.id) } }, { projection: { through: 1, version: 1 } }).toArray()).map((mark) => [mark._id, mark]));
      for (const { entry, account } of known) {
        const mark = marks.get(entry.id);
        if (mark?.through.getTime() !== account.through || mark.version !== book.storedVersionOf(entry, account.more)) lost.add(entry);
      }
    }
  }
  for (const { entry, account } of owed) {
    if (lost.has(entry)) book.markStale(entry);
    else book.advanced(entry, account);
  }
}

const markOf = (book: JobBook, entry: JobEntry, account: Account): ScheduleDocument =>
  ({ _id: entry.id, through: new Date(account.through), version: book.storedVersionOf(entry, account.more), ...(account.nextFire === undefined ? {} : { nextFire: new Date(account.nextFire) }) });

/**
 * One operation for all jobs whose watermarks make the same step, as those of a burst do: a fifth of the work of one each.
 * The version is compared too: an edit or a pause since, which another leader has taken in, may have left the watermark where it was.
 * `updateMany` also where it is one job: the server keeps no record for repeating it, which costs as much as the write, and a watermark that is not moved is moved later.
 */
function advancesOf(book: JobBook, owed: readonly Owed[]): AnyBulkWriteOperation<ScheduleDocument>[] {
  const steps = new Map<string, { readonly from: Pick<ScheduleDocument, 'through' | 'version'>; readonly to: Omit<ScheduleDocument, '_id'>; readonly jobs: string[] }>();
  for (const { entry, account } of owed) {
    const { _id, ...to } = markOf(book, entry, account);
    const key = `${entry.stored} ${entry.storedVersion} ${account.through} ${to.version} ${account.nextFire}`;
    const step = steps.get(key);
    if (step) step.jobs.push(_id); else steps.set(key, { from: { through: new Date(entry.stored ?? 0), version: entry.storedVersion }, to, jobs: [_id] });
  }
  return [...steps.values()].map(({ from, to, jobs }) => ({
    updateMany: { filter: { _id: { $in: jobs }, ...from }, update: to.nextFire === undefined ? { $set: to, $unset: { nextFire: true } } : { $set: to } },
  }));
}

/** As many jobs in one transaction as fit a slice. */
function groupsOf(owed: readonly Owed[]): Owed[][] {
  const groups: Owed[][] = [];
  let size = 0;
  for (const one of owed) {
    const group = groups.at(-1);
    if (group === undefined || size + one.rows.length > rowsPerSlice) {
      groups.push([one]);
      size = one.rows.length;
    } else {
      group.push(one);
      size += one.rows.length;
    }
  }
  return groups;
}

/** Rows and watermarks in one transaction; if one of the jobs has moved on, each is tried alone, and that one read anew. */
async function writeTogether({ database, book, owed }: { readonly database: Database; readonly book: JobBook; readonly owed: readonly Owed[] }): Promise<RunDocument[]> {
  const { runs, schedules } = database.collections;
  const rows = owed.flatMap((one) => one.rows);
  try {
    await database.transaction(async (session) => {
      const fresh = owed.filter(({ entry }) => entry.stored === undefined).map(({ entry, account }) => markOf(book, entry, account));
      const known = owed.filter(({ entry }) => entry.stored !== undefined);
      if (fresh.length > 0) await schedules.insertMany(fresh, { session });
      if (known.length > 0 && (await schedules.bulkWrite(advancesOf(book, known), { session })).matchedCount < known.length) throw new MovedOn();
      if (rows.length > 0) await runs.insertMany([...rows], { session });
    });
  } catch (error) {
    if (!(error instanceof MovedOn) && !isDuplicateKey(error)) throw error;
    const [only] = owed;
    if (owed.length === 1 && only !== undefined) {
      book.markStale(only.entry);
      return [];
    }
    const due: RunDocument[] = [];
    for (const one of owed) due.push(...(await writeTogether({ database, book, owed: [one] })));
    return due;
  }
  for (const { entry, account } of owed) book.advanced(entry, account);
  return rows.filter(({ state }) => state === 'due');
}

class MovedOn extends Error {}

function documentOf({ entry, row, now }: { readonly entry: JobEntry; readonly row: LedgerRow; readonly now: number }): RunDocument {
  const moment = new Date(now);
  const span = entry.spans.find(({ version }) => version === row.version);
  const job = { _id: entry.id, version: entry.version, dataset: span?.dataset ?? entry.dataset };
  const { maxAttempts } = entry;
  if (row.kind === 'fire') {
    const at = new Date(row.at);
    return newRun({
      id: fireRunId(entry.id, at), job, trigger: row.catchUp ? 'catch-up' : 'schedule', scheduledAt: at, now: moment, dueAt: new Date(row.dueAt), maxAttempts, expires: entry.spans.at(-1)?.schedule.expires,
      // What was owed under `all` stays so, whatever the version that it is run with says.
      extra: { ...(row.catchUp && span?.schedule.misfire === 'all' ? { inTurn: true } : {}), ...(entry.origins.length > 0 ? { origins: entry.origins } : {}) },
    });
  }
  const first = new Date(row.at);
  const missed = row.kind === 'missed';
  return newRun({
    id: missed ? missedStretchId(entry.id, first) : pausedStretchId(entry.id, first), job: { ...job, version: row.version }, trigger: 'schedule', scheduledAt: first, now: moment, maxAttempts,
    extra: { state: missed ? 'missed' : 'skipped', reason: missed ? row.reason : 'paused', count: row.count, through: new Date(row.through), endedAt: moment },
  });
}
