import { findRevision, revisionId, type Database, type RevisionDocument } from '@gleaner/database';

/** Reads versions of jobs and keeps the `limit` used last: a version never changes. One that is not there is asked for again. */
export function createRevisionCache({ database, limit = 500 }: { readonly database: Database; readonly limit?: number }): (job: string, version: number) => Promise<RevisionDocument | null> {
  const held = new Map<string, RevisionDocument>();
  return async (job, version) => {
    const id = revisionId(job, version);
    const found = held.get(id) ?? (await findRevision({ database, job, version }));
    if (found === null) return null;
    held.delete(id); // the one used last is last
    held.set(id, found);
    const oldest = held.keys().next().value;
    if (held.size > limit && oldest !== undefined) held.delete(oldest);
    return found;
  };
}
