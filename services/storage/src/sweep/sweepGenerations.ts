import { blockRange, entryRange, underPrefix } from '@gleaner/database';
import type { StorageParts } from '../storageParts.ts';
import { deleteInSlices } from './deleteInSlices.ts';

/** An apply that has not named what it wrote by then never will: its transaction may last a minute. */
const orphanedAfterMs = 600_000;

/** Takes away items that a newer generation has replaced, and what a crash left behind before its transaction; how many documents. */
export async function sweepGenerations({ parts }: { readonly parts: StorageParts }): Promise<number> {
  const { history, database } = parts;
  const orphanedBefore = new Date(database.clock.now().getTime() - orphanedAfterMs);
  let removed = 0;
  for await (const { _id: id, dataset, at } of history.generations.find({}, { sort: { at: 1 } })) {
    // The epoch is read before the head: where the epoch stands, the head that was written with it does too.
    const epoch = await history.epochs.findOne({ _id: id }, { projection: { _id: 1 }, readConcern: { level: 'majority' } });
    const head = await history.heads.findOne({ _id: dataset }, { projection: { generation: 1, epoch: 1, position: 1 }, readConcern: { level: 'majority' } });
    if (head?.generation === id) continue;
    if (epoch === null && at > orphanedBefore) continue;
    removed += await deleteInSlices(history.items, { _id: underPrefix(id) });
    if (epoch === null) {
      removed += await deleteInSlices(history.keyframes, { _id: blockRange(id) as never });
      removed += await deleteInSlices(history.versions, { _id: entryRange(id) as never });
    }
    await history.generations.deleteOne({ _id: id });
  }
  return removed;
}
