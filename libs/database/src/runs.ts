import type { AnyBulkWriteOperation, ClientSession, Filter, UpdateFilter } from 'mongodb';
import type { Counts, RunInputs, RunState, RunTrigger } from '@gleaner/contracts';
import { planTransition, type Move } from './core/transitions.ts';
import type { Database } from './connectDatabase.ts';

/** One execution of a job, or the row that says why a fire had none. `_id` is the run's id. */
export interface RunDocument {
  readonly _id: string;
  readonly job: string;
  readonly dataset: string;
  readonly jobVersion: number;
  readonly trigger: RunTrigger;
  readonly state: RunState;
  /** Grows with each transition. */
  readonly rev: number;
  readonly reason?: string;
  /** Why a `due` or `retrying` run waits although its time has come, e.g. `overlap` or `origin`. */
  readonly held?: string;
  /** The planned moment, before jitter; for a run asked for, when it was asked. */
  readonly scheduledAt: Date;
  readonly insertedAt: Date;
  /** Not queued before this: planned moment + jitter, or the moment of return to `due`. */
  readonly dueAt: Date;
  /** Insertion or last return to `due`: `expires` counts from here. */
  readonly dueSince: Date;
  readonly expiresAt?: Date;
  /** Absent until it leaves `due`. */
  readonly queuedAt?: Date;
  readonly publishedAt?: Date;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  readonly movedAt?: Date;
  /** Last message of the try that storage handled (started, heartbeat, batch). */
  readonly lastSignAt?: Date;
  /** Tries so far = number of the try that is under way. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** The attempt (ULID of a delivery) that reported `started` last. */
  readonly attempt?: string;
  /** Attempts of the present try that have reported `started`, in order: a late copy of an older one's report changes nothing. */
  readonly startedAttempts?: readonly string[];
  /** While it is running: when the attempt that began last must have ended. */
  readonly deadline?: Date;
  readonly nextAttemptAt?: Date;
  /** Clamped moment of the snapshot, by attempt: the first write stands. */
  readonly observedAt?: Date;
  readonly inputs: RunInputs;
  readonly counts?: Counts;
  readonly requests?: number;
  /** Snapshot (= run id) that it made or saw again. */
  readonly snapshot?: string;
  /** Why the newest try that failed did so. It stays while the next is under way. */
  readonly error?: {
    readonly class: string; readonly message: string; readonly status?: number;
    /** What the upstream asked to wait, which origin it was that did, and when that was told: the rest counts from there. */
    readonly retryAfterMs?: number; readonly origin?: string; readonly at?: Date;
  };
  readonly letter?: string;
  readonly decision?: { readonly accept: boolean; readonly by: string; readonly at: Date; readonly handledAt?: Date };
  /** The rev of the ended state that the leader has still to settle. */
  readonly unsettled?: number;
  readonly settledAt?: Date;
  readonly probe?: { readonly at: Date; readonly handledAt?: Date };
  /** How often this try's tick was published again without a sign. */
  readonly republished?: number;
  /** Lease token of the leader that queued it: diagnosis only. */
  readonly token?: number;
  readonly count?: number;
  readonly through?: Date;
  readonly warnings?: readonly string[];
  readonly cause?: string;
  /** True once the next try goes without validators (their snapshot is gone). */
  readonly withoutValidators?: boolean;
  readonly requestedBy?: string;
  readonly idempotencyKey?: string;
  readonly alerts?: readonly { readonly id: string; readonly sentAt?: Date }[];
  /** A catch-up run of `misfire: all`: these go one after another and are never skipped. */
  readonly inTurn?: true;
  /** How many runs triggered each other before this one (`after`). */
  readonly depth?: number;
  /** Origins at which it takes a slot, set when it is queued. */
  readonly origins?: readonly string[];
  /** The try whose last report came although it had been given up by then, or its run had ended: its attempt asks no more. */
  readonly lastReport?: { readonly try: number; readonly at: Date };
  /** The newest try that was given up without a last report, and until when its slots are held: its attempt may still be asking, whatever the run does by now. */
  readonly slotTry?: number;
  readonly slotUntil?: Date;
}

type Session = { readonly session?: ClientSession };

/** Moves a run by the transition table; null where the table or `where` does not allow it (then nothing was written). */
export async function moveRun({ database, session, ...move }: Move & { readonly database: Database } & Session): Promise<RunDocument | null> {
  const { filter, update } = planTransition(move);
  return await database.collections.runs.findOneAndUpdate(filter as Filter<RunDocument>, update as UpdateFilter<RunDocument>[], { returnDocument: 'after', ...(session ? { session } : {}) });
}

/** Moves many runs at once; how many the table and `where` allowed. A run that was not moved is told from the others by reading it. */
export async function moveRuns({ database, session, runs, ...move }: Omit<Move, 'run'> & { readonly database: Database; readonly runs: readonly string[] } & Session): Promise<number> {
  if (runs.length === 0) return 0;
  const { filter, update } = planTransition({ ...move, run: '' });
  const { modifiedCount } = await database.collections.runs.updateMany({ ...filter, _id: { $in: [...runs] } } as Filter<RunDocument>, update as UpdateFilter<RunDocument>[], session ? { session } : {});
  return modifiedCount;
}

/** The same as an operation for `bulkWrite`; `matchedCount` tells how many the table allowed. */
export function moveOperation(move: Move): AnyBulkWriteOperation<RunDocument> {
  const { filter, update } = planTransition(move);
  return { updateOne: { filter: filter as Filter<RunDocument>, update: update as UpdateFilter<RunDocument>[] } };
}

/** Writes fields of a run without moving it (signs of life, probes, publishedAt); null where `where` does not match. */
export async function updateRun({ database, session, run, where = {}, set = {}, unset = [] }: {
  readonly database: Database; readonly run: string; readonly where?: Filter<RunDocument>;
  readonly set?: Readonly<Partial<Omit<RunDocument, '_id' | 'state' | 'rev'>>>; readonly unset?: readonly (keyof RunDocument)[];
} & Session): Promise<RunDocument | null> {
  const update: Record<string, unknown> = {};
  if (Object.keys(set).length > 0) update['$set'] = set;
  if (unset.length > 0) update['$unset'] = Object.fromEntries(unset.map((name) => [name, true]));
  return await database.collections.runs.findOneAndUpdate({ ...where, _id: run }, update as UpdateFilter<RunDocument>, { returnDocument: 'after', ...(session ? { session } : {}) });
}

/** Inserts a run; false where a run of this id is there already: the fire, or the request, has its row. */
export async function insertRun({ database, session, run }: { readonly database: Database; readonly run: RunDocument } & Session): Promise<boolean> {
  try {
    await database.collections.runs.insertOne(run, session ? { session } : {});
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

/** The run, or null. */
export async function findRun({ database, session, run }: { readonly database: Database; readonly run: string } & Session): Promise<RunDocument | null> {
  return await database.collections.runs.findOne({ _id: run }, session ? { session } : {});
}

/** True for the server's answer that a document of this `_id` (or unique key) exists; inside a transaction it has aborted it. */
export const isDuplicateKey = (error: unknown): boolean => typeof error === 'object' && error !== null && 'code' in error && error.code === 11000;

/** A run in state `due` with the fields every new run has; `now` is the database's time. */
export function newRun({ id, job, trigger, scheduledAt, now, dueAt = scheduledAt, inputs = {}, maxAttempts, expires, extra = {} }: {
  readonly id: string;
  readonly job: { readonly _id: string; readonly version: number; readonly dataset: string };
  readonly trigger: RunTrigger;
  readonly scheduledAt: Date;
  readonly now: Date;
  readonly dueAt?: Date;
  readonly inputs?: RunInputs;
  readonly maxAttempts: number;
  /** ms from now; absent = never. */
  readonly expires?: number | undefined;
  readonly extra?: Partial<RunDocument>;
}): RunDocument {
  return {
    _id: id, job: job._id, dataset: job.dataset, jobVersion: job.version, trigger, state: 'due', rev: 1, scheduledAt, insertedAt: now, dueAt, dueSince: now,
    ...(expires === undefined ? {} : { expiresAt: new Date(now.getTime() + expires) }),
    attempts: 0, maxAttempts, inputs, ...extra,
  };
}
