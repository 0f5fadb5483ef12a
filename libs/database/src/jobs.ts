import { ulid } from 'ulid';
import { extractionHash, requestHash, stableHash, type JobDefinition } from '@gleaner/contracts';
import type { ClientSession } from 'mongodb';
import type { Database } from './connectDatabase.ts';
import { DatabaseError } from './DatabaseError.ts';

/** What to gather, as it is now. `_id` is the job's id. */
export interface JobDocument {
  readonly _id: string;
  /** Grows with each change, pause and resume included; a job made again after its deletion goes on counting. */
  readonly version: number;
  readonly dataset: string;
  readonly definition: JobDefinition;
  readonly extractionHash: string;
  readonly requestHash: string;
  readonly paused: boolean;
  readonly createdAt: Date;
  /** When this version began to hold, by the database's time. */
  readonly changedAt: Date;
  readonly deleted?: true;
}

export type RevisionKind = 'put' | 'paused' | 'resumed' | 'deleted';

/** One version of a job: what held from `changedAt` until the next one's. */
export interface RevisionDocument extends Omit<JobDocument, '_id' | 'createdAt' | 'deleted'> {
  /** `job@version` */
  readonly _id: string;
  readonly job: string;
  readonly what: RevisionKind;
  readonly by: string;
}

export const revisionId = (job: string, version: number): string => `${job}@${version}`;

interface Change {
  readonly database: Database;
  readonly id: string;
  /** Who changed it: a key's name. */
  readonly by: string;
  /** Only if the job is at this version (If-Match); otherwise `version_conflict`. */
  readonly ifVersion?: number;
}

/**
 * Creates or replaces a job: jobs, revisions and, for a new dataset, its empty head, in one transaction.
 * A definition equal to the present one changes nothing (`changed: false`).
 * `expect` is called in the transaction, and what it throws refuses the change: for what must hold among several jobs.
 */
export async function putJob({ database, id, definition, by, ifVersion, expect }: Change & {
  readonly definition: JobDefinition; readonly expect?: ((session: ClientSession) => Promise<void>) | undefined;
}): Promise<{ job: JobDocument; created: boolean; changed: boolean }> {
  return await database.transaction(async (session) => {
    const before = await current(database, id, session);
    const alive = before !== null && !before.deleted;
    expectVersion(id, alive ? before : null, ifVersion);
    if (alive && stableHash(before.definition) === stableHash(definition)) return { job: before, created: false, changed: false };
    const now = database.clock.now();
    const job: JobDocument = {
      _id: id, version: (before?.version ?? 0) + 1, dataset: alive ? before.dataset : ulid(now.getTime()), definition,
      extractionHash: extractionHash(definition), requestHash: requestHash(definition),
      paused: alive ? before.paused : false, createdAt: alive ? before.createdAt : now, changedAt: laterThan(before, now),
    };
    await expect?.(session);
    await write({ database, session, job, what: 'put', by });
    // The head exists as long as the dataset: a first snapshot and a deletion then always meet on one document.
    if (!alive) await database.db.collection<{ _id: string }>('heads').insertOne({ _id: job.dataset, job: id, rev: 0 } as { _id: string }, { session });
    return { job, created: !alive, changed: true };
  });
}

/** Pauses or resumes a job; null where there is none. Already so: nothing changes. */
export async function setPaused({ database, id, by, ifVersion, paused }: Change & { readonly paused: boolean }): Promise<JobDocument | null> {
  return await database.transaction(async (session) => {
    const before = await current(database, id, session);
    if (before === null || before.deleted) return null;
    expectVersion(id, before, ifVersion);
    if (before.paused === paused) return before;
    const job: JobDocument = { ...before, version: before.version + 1, paused, changedAt: laterThan(before, database.clock.now()) };
    await write({ database, session, job, what: paused ? 'paused' : 'resumed', by });
    return job;
  });
}

/** Marks job and head deleted in one transaction; false where there is none. The leader then cancels its unended runs, storage sweeps its dataset. */
export async function deleteJob({ database, id, by, ifVersion }: Change): Promise<boolean> {
  return await database.transaction(async (session) => {
    const before = await current(database, id, session);
    if (before === null || before.deleted) return false;
    expectVersion(id, before, ifVersion);
    const job: JobDocument = { ...before, version: before.version + 1, deleted: true, changedAt: laterThan(before, database.clock.now()) };
    await write({ database, session, job, what: 'deleted', by });
    await database.db.collection<{ _id: string }>('heads').updateOne({ _id: job.dataset }, { $set: { deleted: true, job: id, deletedAt: job.changedAt }, $inc: { rev: 1 } }, { session, upsert: true });
    return true;
  });
}

/** The job as it is, or null where there is none or it is deleted. */
export async function findJob({ database, id, session }: { readonly database: Database; readonly id: string; readonly session?: ClientSession }): Promise<JobDocument | null> {
  return await database.collections.jobs.findOne({ _id: id, deleted: { $exists: false } }, session ? { session } : {});
}

/** The dataset of a job, for reading what it has gathered; undefined where there is no such job or it is deleted. */
export async function findDataset({ database, id }: { readonly database: Database; readonly id: string }): Promise<string | undefined> {
  return (await database.collections.jobs.findOne({ _id: id, deleted: { $exists: false } }, { projection: { dataset: 1 } }))?.dataset;
}

/** The job as one of its versions had it; a run's definition is its `jobVersion`'s. */
export async function findRevision({ database, job, version, session }: { readonly database: Database; readonly job: string; readonly version: number; readonly session?: ClientSession }): Promise<RevisionDocument | null> {
  return await database.collections.revisions.findOne({ _id: revisionId(job, version) }, session ? { session } : {});
}

const current = (database: Database, id: string, session: ClientSession): Promise<JobDocument | null> => database.collections.jobs.findOne({ _id: id }, { session });

/** Versions of a job hold from moments that grow, even where two changes fall into one millisecond. */
const laterThan = (before: JobDocument | null, now: Date): Date => (before !== null && before.changedAt >= now ? new Date(before.changedAt.getTime() + 1) : now);

function expectVersion(id: string, before: JobDocument | null, ifVersion: number | undefined): void {
  if (ifVersion === undefined || before?.version === ifVersion) return;
  throw new DatabaseError('version_conflict', `expected job ${id} at version ${ifVersion}; it is ${before === null ? 'not there' : `at ${before.version}`}`, { details: { expected: ifVersion, seen: before?.version } });
}

async function write({ database, session, job, what, by }: { readonly database: Database; readonly session: ClientSession; readonly job: JobDocument; readonly what: RevisionKind; readonly by: string }): Promise<void> {
  const { jobs, revisions } = database.collections;
  await jobs.replaceOne({ _id: job._id }, job, { session, upsert: true });
  await revisions.insertOne({
    _id: revisionId(job._id, job.version), job: job._id, version: job.version, dataset: job.dataset, definition: job.definition,
    extractionHash: job.extractionHash, requestHash: job.requestHash, paused: job.paused, changedAt: job.changedAt, what, by,
  }, { session });
}
