import type { Collection, Document, Filter } from '@gleaner/database';

const slice = 5_000;

/** Deletes what matches, a slice at a time, so that no single write holds the database for long; how many went. */
export async function deleteInSlices<T extends Document>(collection: Collection<T>, filter: Filter<T>): Promise<number> {
  let deleted = 0;
  for (;;) {
    const found = await collection.find(filter, { projection: { _id: 1 }, limit: slice, batchSize: slice + 1 }).toArray();
    if (found.length === 0) return deleted;
    deleted += (await collection.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } } as Filter<T>)).deletedCount;
    if (found.length < slice) return deleted;
  }
}
