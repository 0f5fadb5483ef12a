import type { Collection, Document, Filter } from '@gleaner/database';
import type { Cursors } from './core/cursors.ts';

/**
 * A page of a collection, newest first by a date (or the id alone) and the id, from where the cursor says.
 * `next` is there only where more follows. Throws `bad_cursor`.
 */
export async function pagedFind<T extends Document & { _id: string }>({ collection, filter, by, limit, after, cursors, kind, scope, projection }: {
  readonly collection: Collection<T>;
  readonly filter: Filter<T>;
  /** Date field that orders the list; absent = ids (ULIDs) do. */
  readonly by?: keyof T & string;
  readonly limit: number;
  readonly after: string | undefined;
  readonly cursors: Cursors;
  readonly kind: string;
  /** What chose the list: job, states, … */
  readonly scope: string;
  readonly projection?: Readonly<Record<string, 0 | 1>>;
}): Promise<{ rows: T[]; next: string | undefined }> {
  const place = after === undefined ? undefined : cursors.read(after, { kind, scope });
  const from: Document[] = place === undefined ? [] : [olderThan(by, place)];
  const rows = (await collection
    .find({ $and: [filter, ...from] } as unknown as Filter<T>, { sort: by === undefined ? { _id: -1 } : { [by]: -1, _id: -1 }, limit: limit + 1, ...(projection ? { projection } : {}) })
    .toArray()) as unknown as T[];
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const next = last && cursors.write({ kind, scope, place: { id: last._id, ...(by === undefined ? {} : { at: (last[by] as Date).toISOString() }) } });
  return { rows: rows.slice(0, limit), next };
}

function olderThan(by: string | undefined, { id, at }: Readonly<Record<string, unknown>>): Document {
  if (by === undefined) return { _id: { $lt: id } };
  const moment = new Date(String(at));
  // The first bound is implied by the rest; it is what lets the index begin there.
  return { [by]: { $lte: moment }, $or: [{ [by]: { $lt: moment } }, { _id: { $lt: id } }] };
}
