import type { ClientSession } from 'mongodb';
import type { Database } from '../connectDatabase.ts';
import { atOneTime } from './atOneTime.ts';
import type { HeadDocument, SnapshotDocument } from './documents.ts';
import { historyCollectionsOf } from './historyCollections.ts';
import { snapshotId } from './historyIds.ts';

type Source = { readonly database: Pick<Database, 'client' | 'db'>; readonly dataset: string };
const majority = { readConcern: { level: 'majority' } } as const;

/** The head of a dataset, or null: counts, newest position, validators. */
export async function readHead({ database, dataset }: Source): Promise<HeadDocument | null> {
  return await historyCollectionsOf(database.db).heads.findOne({ _id: dataset }, majority);
}

/** The snapshot that a run made, or null; also one that retention has made unreadable but not yet taken. */
export async function readSnapshot({ database, dataset, run }: Source & { readonly run: string }): Promise<SnapshotDocument | null> {
  return await historyCollectionsOf(database.db).snapshots.findOne({ _id: snapshotId(dataset, run) }, majority);
}

/** Readable snapshots, newest first; `after` and `next` are positions. In a `session` of the caller's all its pages are of one time. */
export async function readSnapshots({ session, ...asked }: Source & { readonly session?: ClientSession | undefined; readonly after?: string | undefined; readonly limit: number }): Promise<{ readonly snapshots: readonly SnapshotDocument[]; readonly next?: string }> {
  const read = async (within: ClientSession) => await readPage({ ...asked, session: within });
  return session ? await read(session) : await atOneTime({ database: asked.database }, read);
}

async function readPage({ database, dataset, after, limit, session }: Source & { readonly session: ClientSession; readonly after?: string | undefined; readonly limit: number }): Promise<{ readonly snapshots: readonly SnapshotDocument[]; readonly next?: string }> {
  const { heads, snapshots } = historyCollectionsOf(database.db);
  const horizon = (await heads.findOne({ _id: dataset }, { projection: { horizon: 1 }, session }))?.horizon;
  const position = { ...(after === undefined ? {} : { $lt: after }), ...(horizon === undefined ? {} : { $gte: horizon }) };
  const found = await snapshots.find({ dataset, ...(Object.keys(position).length > 0 ? { position } : {}) }, { sort: { position: -1 }, limit: limit + 1, session }).toArray();
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { snapshots: page, ...(found.length > limit && last ? { next: last.position } : {}) };
}
