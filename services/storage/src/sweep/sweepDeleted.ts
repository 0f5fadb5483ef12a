import { blockRange, entryRange, isDatabaseAway, underPrefix } from '@gleaner/database';
import type { StorageParts } from '../storageParts.ts';
import { deleteInSlices } from './deleteInSlices.ts';

/** Takes away the datasets of deleted jobs, each in pieces; its head stays as the mark that nothing is applied to it. How many documents. */
export async function sweepDeleted({ parts }: { readonly parts: StorageParts }): Promise<number> {
  const { history, log } = parts;
  let removed = 0;
  for (const { _id: dataset } of await history.heads.find({ deleted: true, sweptAt: { $exists: false } }, { projection: { _id: 1 }, limit: 100 }).toArray()) {
    try {
      removed += await sweepDataset({ parts, dataset });
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      log.warn({ err: error, dataset }, 'the dataset of a deleted job was not taken away yet; the next sweep goes on');
    }
  }
  return removed;
}

async function sweepDataset({ parts: { history, database, cache, log }, dataset }: { parts: StorageParts; dataset: string }): Promise<number> {
  cache.drop(dataset);
  let here = 0;
  // What an apply that the deletion has overtaken is still writing is swept when it is old enough.
  for (const { _id } of await history.generations.find({ dataset, state: { $in: ['current', 'replaced'] } }).toArray()) {
    here += await deleteInSlices(history.items, { _id: underPrefix(_id) });
    await history.generations.deleteOne({ _id });
  }
  for (const { _id } of await history.epochs.find({ dataset }).toArray()) {
    here += await deleteInSlices(history.versions, { _id: entryRange(_id) as never });
    here += await deleteInSlices(history.keyframes, { _id: blockRange(_id) as never });
    await history.epochs.deleteOne({ _id });
  }
  here += await deleteInSlices(history.snapshots, { dataset });
  here += await deleteInSlices(history.keysets, { _id: underPrefix(dataset) });
  here += await deleteInSlices(history.raws, { dataset });
  here += await deleteInSlices(history.requests, { dataset });
  await history.heads.updateOne({ _id: dataset }, { $set: { sweptAt: database.clock.now() }, $unset: { generation: true, epoch: true, validators: true }, $inc: { rev: 1 } });
  log.info({ dataset, documents: here }, 'the dataset of a deleted job was taken away');
  return here;
}
