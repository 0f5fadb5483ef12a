import type { Collection, Db, Document } from 'mongodb';
import type { AuditDocument } from './audit.ts';
import type { IdempotencyDocument } from './idempotency.ts';
import type { JobDocument, RevisionDocument } from './jobs.ts';
import type { KeyDocument } from './keys.ts';
import type { LeaseDocument } from './leases.ts';
import type { LetterDocument } from './letters.ts';
import type { RunDocument } from './runs.ts';
import type { OriginDocument, ScheduleDocument } from './schedules.ts';
import type { SessionDocument } from './sessions.ts';

/** The collections by the names they have in MongoDB. Who may write which is in the design's table of ownership. */
export interface Collections {
  readonly jobs: Collection<JobDocument>;
  readonly revisions: Collection<RevisionDocument>;
  readonly schedules: Collection<ScheduleDocument>;
  readonly runs: Collection<RunDocument>;
  readonly origins: Collection<OriginDocument>;
  readonly leases: Collection<LeaseDocument>;
  readonly deadLetters: Collection<LetterDocument>;
  readonly keys: Collection<KeyDocument>;
  readonly sessions: Collection<SessionDocument>;
  readonly audit: Collection<AuditDocument>;
  readonly idempotency: Collection<IdempotencyDocument>;
  readonly meta: Collection<MetaDocument>;
}

/** One document, `schema`: which migrations the database has seen. */
export interface MetaDocument {
  readonly _id: string;
  readonly version: number;
  readonly appliedAt: Date;
}

export const collectionsOf = (db: Db): Collections => ({
  jobs: db.collection<JobDocument>('jobs'),
  revisions: db.collection<RevisionDocument>('revisions'),
  schedules: db.collection<ScheduleDocument>('schedules'),
  runs: db.collection<RunDocument>('runs'),
  origins: db.collection<OriginDocument>('origins'),
  leases: db.collection<LeaseDocument>('leases'),
  deadLetters: db.collection<LetterDocument>('deadLetters'),
  keys: db.collection<KeyDocument>('keys'),
  sessions: db.collection<SessionDocument>('sessions'),
  audit: db.collection<AuditDocument>('audit'),
  idempotency: db.collection<IdempotencyDocument>('idempotency'),
  meta: db.collection<MetaDocument>('meta'),
});

export type { Document };
