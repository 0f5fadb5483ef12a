import type { Database } from '../connectDatabase.ts';
import type { HeadDocument, SnapshotDocument } from './documents.ts';
import { historyCollectionsOf } from './historyCollections.ts';
import { snapshotId } from './historyIds.ts';

type Source = { readonly database: Pick<Database, 'db'>; readonly dataset: string };

/** The head of a dataset, or null: counts, newest position, validators. */
export async function readHead({ database, dataset }: Source): Promise<HeadDocument | null> {
  return await historyCollectionsOf(database.db).heads.findOne({ _id: dataset });
}

/** The snapshot that a run made, or null; also one that retention has made unreadable but not yet taken. */
export async function readSnapshot({ database, dataset, run }: Source & { readonly run: string }): Promise<SnapshotDocument | null> {
  return await historyCollectionsOf(database.db).snapshots.findOne({ _id: snapshotId(dataset, run) });
}

/** Readable snapshots, newest first; `after` and `next` are positions. */
export async function readSnapshots({ database, dataset, after, limit }: Source & { readonly after?: string | undefined; readonly limit: number }): Promise<{ readonly snapshots: readonly SnapshotDocument[]; readonly next?: string }> {
  const { heads, snapshots } = historyCollectionsOf(database.db);
  const horizon = (await heads.findOne({ _id: dataset }, { projection: { horizon: 1 } }))?.horizon;
  const position = { ...(after === undefined ? {} : { $lt: after }), ...(horizon === undefined ? {} : { $gte: horizon }) };
  const found = await snapshots.find({ dataset, ...(Object.keys(position).length > 0 ? { position } : {}) }, { sort: { position: -1 }, limit: limit + 1 }).toArray();
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { snapshots: page, ...(found.length > limit && last ? { next: last.position } : {}) };
}
