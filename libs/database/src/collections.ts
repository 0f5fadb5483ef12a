import type { Collection, Db, Document } from 'mongodb';
import type { JobDocument, RevisionDocument } from './jobs.ts';
import type { LeaseDocument } from './leases.ts';
import type { LetterDocument } from './letters.ts';
import type { RunDocument } from './runs.ts';

/** The collections by the names they have in MongoDB. Who may write which is in the design's table of ownership. */
export interface Collections {
  readonly jobs: Collection<JobDocument>;
  readonly revisions: Collection<RevisionDocument>;
  readonly runs: Collection<RunDocument>;
  readonly leases: Collection<LeaseDocument>;
  readonly deadLetters: Collection<LetterDocument>;
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
  runs: db.collection<RunDocument>('runs'),
  leases: db.collection<LeaseDocument>('leases'),
  deadLetters: db.collection<LetterDocument>('deadLetters'),
  meta: db.collection<MetaDocument>('meta'),
});

export type { Document };
