import { itemId, type AnyBulkWriteOperation, type ClientSession, type HistoryCollections, type ItemDocument, type SnapshotDocument, type VersionDocument } from '@gleaner/database';
import type { ApplyPlan, PlannedEntry } from './core/applyPlan.ts';

/** Writes what a plan changes in the log, the items and the rows; part of the apply transaction. */
export async function writePlan({ history, session, dataset, generation, plan }: {
  readonly history: HistoryCollections; readonly session: ClientSession; readonly dataset: string;
  /** The generation that the current items are in. */
  readonly generation: string; readonly plan: ApplyPlan;
}): Promise<void> {
  if (plan.newest) {
    if (plan.entries.length > 0) await history.versions.insertMany(plan.entries.map(versionOf), { ordered: false, session });
  } else {
    const log: AnyBulkWriteOperation<VersionDocument>[] = [
      ...plan.entries.map((entry) => {
        const { _id, ...rest } = versionOf(entry);
        return { replaceOne: { filter: { _id }, replacement: rest, upsert: true } };
      }),
      ...plan.drops.map(({ epoch, key, from }) => ({ deleteOne: { filter: { _id: { e: epoch, k: key, f: from } } } })),
    ];
    if (log.length > 0) await history.versions.bulkWrite(log, { ordered: false, session });
  }
  const items: AnyBulkWriteOperation<ItemDocument>[] = [];
  for (const [key, { hash, since, data }] of plan.items) {
    const _id = itemId(generation, key);
    if (hash === null) items.push({ deleteOne: { filter: { _id } } });
    else items.push({ replaceOne: { filter: { _id }, replacement: { key, hash, since, data }, upsert: true } });
  }
  for (const { key, from, to } of plan.itemSince) items.push({ updateOne: { filter: { _id: itemId(generation, key), since: from }, update: { $set: { since: to } } } });
  if (items.length > 0) await history.items.bulkWrite(items, { ordered: false, session });
  const rows: AnyBulkWriteOperation<SnapshotDocument>[] = [...plan.rows].map(([position, { added, changed, removed, total }]) => ({ updateOne: {
    filter: { dataset, position },
    update: { $inc: { 'counts.added': added, 'counts.changed': changed, 'counts.removed': removed, 'counts.total': total, 'counts.unchanged': -added - changed } },
  } }));
  if (rows.length > 0) await history.snapshots.bulkWrite(rows, { ordered: false, session });
}

function versionOf({ epoch, key, from, known, patch }: PlannedEntry): VersionDocument {
  const _id = { e: epoch, k: key, f: from };
  if (known.hash === null) return { _id, removed: true };
  return { _id, hash: known.hash, data: known.data, ...(patch ? { since: known.since } : {}) };
}
