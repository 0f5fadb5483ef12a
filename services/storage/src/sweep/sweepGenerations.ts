import { blockRange, entryRange, isDatabaseAway, underPrefix } from '@gleaner/database';
import type { StorageParts } from '../storageParts.ts';
import { classifyGenerations } from './classifyGenerations.ts';
import { deleteInSlices } from './deleteInSlices.ts';

/** An apply that has not named what it wrote by then is thought dead; one that was only asleep finds it orphaned, and writes it anew. */
const orphanedAfterMs = 600_000;

/** Takes away items that a newer generation has replaced, and what a crash left behind before its transaction; how many documents. */
export async function sweepGenerations({ parts }: { readonly parts: StorageParts }): Promise<number> {
  const { history, database, log } = parts;
  const orphanedBefore = new Date(database.clock.now().getTime() - orphanedAfterMs);
  await classifyGenerations({ parts, before: orphanedBefore });
  // Claimed first: the transaction that would name one of these meets this write, or sees it.
  await history.generations.updateMany({ state: 'written', at: { $lt: orphanedBefore } }, { $set: { state: 'orphaned' } });
  let removed = 0;
  for await (const { _id: id, state } of history.generations.find({ state: { $in: ['replaced', 'orphaned'] } }, { readConcern: { level: 'majority' } })) {
    try {
      removed += await deleteInSlices(history.items, { _id: underPrefix(id) });
      if (state === 'orphaned') {
        removed += await deleteInSlices(history.keyframes, { _id: blockRange(id) as never });
        removed += await deleteInSlices(history.versions, { _id: entryRange(id) as never });
      }
      await history.generations.deleteOne({ _id: id });
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      log.warn({ err: error, generation: id }, 'a generation was not taken away yet; the next sweep goes on');
    }
  }
  return removed;
}
