import type { HeadDocument } from '@gleaner/database';
import type { StorageParts } from '../storageParts.ts';

export interface Retention {
  /** Snapshots to keep, the newest included. */
  readonly snapshots?: number | undefined;
  /** ms a snapshot is kept. */
  readonly age?: number | undefined;
}

/**
 * Moves the head's horizon to the oldest snapshot that retention keeps (the newest always stays), in one transaction; what lies before it is
 * unreadable from then on and is taken away later. False where nothing moves, or another write to the dataset was first.
 */
export async function moveHorizon({ parts, head, retention, now }: { readonly parts: StorageParts; readonly head: HeadDocument; readonly retention: Retention; readonly now: Date }): Promise<boolean> {
  const { database, history, cache } = parts;
  const horizon = await horizonOf({ parts, head, retention, now });
  if (horizon === undefined || horizon <= (head.horizon ?? '')) return false;
  const moved = await database.transaction(async (session) => {
    const before = { dataset: head._id, position: { $lt: horizon } };
    const newest = await history.snapshots.findOne(before, { sort: { appliedRev: -1 }, projection: { appliedRev: 1 }, session });
    if (newest === null) return false;
    const kept = await history.snapshots.countDocuments({ dataset: head._id, position: { $gte: horizon } }, { session });
    const { matchedCount } = await history.heads.updateOne(
      { _id: head._id, rev: head.rev, deleted: { $exists: false } },
      { $set: { horizon, rev: head.rev + 1, snapshots: kept, sweptRev: Math.max(head.sweptRev ?? 0, newest.appliedRev) } }, { session });
    return matchedCount === 1;
  });
  if (moved) cache.advance(head._id, head.rev, { ...head, rev: head.rev + 1 });
  return moved;
}

async function horizonOf({ parts: { history }, head, retention: { snapshots, age }, now }: { parts: StorageParts; head: HeadDocument; retention: Retention; now: Date }): Promise<string | undefined> {
  const { _id: dataset, position: newest, horizon = '' } = head;
  if (newest === undefined) return undefined;
  const position = { $gte: horizon };
  const byCount = snapshots === undefined || (head.snapshots ?? 0) <= snapshots ? null
    : await history.snapshots.findOne({ dataset, position }, { sort: { position: -1 }, skip: snapshots - 1, projection: { position: 1 } });
  const byAge = age === undefined ? null
    : await history.snapshots.findOne({ dataset, position: { $gte: maxOf(horizon, new Date(now.getTime() - age).toISOString()) } }, { sort: { position: 1 }, projection: { position: 1 } });
  const oldest = maxOf(byCount?.position ?? '', age === undefined ? '' : (byAge?.position ?? newest));
  return oldest === '' ? undefined : oldest;
}

const maxOf = (a: string, b: string): string => (a > b ? a : b);
