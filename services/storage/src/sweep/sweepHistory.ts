import { blockRange, entryRange, keysetId, underPrefix, type HeadDocument, type VersionDocument } from '@gleaner/database';
import type { StorageParts } from '../storageParts.ts';
import { deleteInSlices } from './deleteInSlices.ts';

/** What a sweep has taken away, in documents. */
export interface Swept {
  readonly snapshots: number;
  readonly epochs: number;
  readonly blocks: number;
  readonly entries: number;
  readonly keysets: number;
}

/**
 * Takes away what lies before a dataset's horizon: rows; epochs whose next one begins at or before it; and in the epoch that holds it
 * all entries up to it but each key's last. Nothing of it can be read, so it may go in any order and in pieces, by several at once.
 */
export async function sweepHistory({ parts, head }: { readonly parts: StorageParts; readonly head: Pick<HeadDocument, '_id' | 'horizon'> }): Promise<Swept> {
  const { history } = parts;
  const { _id: dataset, horizon } = head;
  if (horizon === undefined) return { snapshots: 0, epochs: 0, blocks: 0, entries: 0, keysets: 0 };
  const epochs = await history.epochs.find({ dataset, position: { $lte: horizon } }, { sort: { position: 1 } }).toArray();
  let blocks = 0;
  let entries = 0;
  for (const { _id } of epochs.slice(0, -1)) {
    entries += await deleteInSlices(history.versions, { _id: entryRange(_id) as never });
    blocks += await deleteInSlices(history.keyframes, { _id: blockRange(_id) as never });
    await history.epochs.deleteOne({ _id });
  }
  const holding = epochs.at(-1);
  if (holding) entries += await trimLog(parts, holding._id, horizon);
  const snapshots = await deleteInSlices(history.snapshots, { dataset, position: { $lt: horizon } });
  return { snapshots, epochs: Math.max(0, epochs.length - 1), blocks, entries, keysets: await sweepKeysets(parts, dataset) };
}

/** Removes each entry up to the horizon that another one of its key, also up to it, has replaced. */
async function trimLog({ history }: StorageParts, epoch: string, horizon: string): Promise<number> {
  let replaced: VersionDocument['_id'][] = [];
  let last: VersionDocument['_id'] | undefined;
  let removed = 0;
  const remove = async (): Promise<void> => {
    if (replaced.length > 0) removed += (await history.versions.deleteMany({ _id: { $in: replaced } })).deletedCount;
    replaced = [];
  };
  for await (const { _id } of history.versions.find({ _id: entryRange(epoch) as never, '_id.f': { $lte: horizon } }, { sort: { _id: 1 }, projection: { _id: 1 }, batchSize: 10_000 })) {
    if (last?.k === _id.k) replaced.push(last);
    last = _id;
    if (replaced.length >= 1_000) await remove();
  }
  await remove();
  return removed;
}

const unusedForMs = 3_600_000;

/** Sets of keys that no row names any more. One in use is touched by each apply that names it, so a recent one stays. */
async function sweepKeysets({ history, database }: StorageParts, dataset: string): Promise<number> {
  const old = { _id: underPrefix(dataset), usedAt: { $lt: new Date(database.clock.now().getTime() - unusedForMs) } };
  const names = new Set((await history.keysets.find(old, { projection: { _id: 1 } }).toArray()).map(({ _id }) => nameOf(_id)));
  if (names.size === 0) return 0;
  for (const name of await history.snapshots.distinct('keys', { dataset })) if (name !== undefined) names.delete(name);
  let removed = 0;
  for (const name of names) {
    // The first part is the set's claim: an apply that names the set touches it, and where it is gone the set is written anew.
    const first = keysetId(dataset, name, 0);
    removed += (await history.keysets.deleteOne({ _id: first, usedAt: old.usedAt })).deletedCount;
    if ((await history.keysets.findOne({ _id: first }, { projection: { _id: 1 } })) === null)
      removed += (await history.keysets.deleteMany({ _id: underPrefix(`${dataset}.${name}`), usedAt: old.usedAt })).deletedCount;
  }
  return removed;
}

const nameOf = (id: string): string => id.split('.')[1] ?? '';
