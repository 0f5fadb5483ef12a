import type { StorageParts } from '../storageParts.ts';

/**
 * Gives those generations a state that a storage of before the states has written, and those that it has replaced: during an upgrade both ages work on one database.
 * Each in a transaction: an apply that names or replaces one of them at the same time meets the write, and what it makes current later is not seen.
 */
export async function classifyGenerations({ parts: { history, database }, before }: { readonly parts: StorageParts; /** Younger ones may still be named by the transaction that they were written for. */ readonly before: Date }): Promise<void> {
  for (const { _id, dataset } of await history.generations.find({ state: { $exists: false }, at: { $lt: before } }, { projection: { dataset: 1 } }).toArray())
    await database.transaction(async (session) => {
      const generation = (await history.heads.findOne({ _id: dataset }, { projection: { generation: 1 }, session }))?.generation;
      const named = await history.epochs.findOne({ _id }, { projection: { _id: 1 }, session });
      await history.generations.updateOne({ _id, state: { $exists: false } }, { $set: { state: generation === _id ? 'current' : named ? 'replaced' : 'written' } }, { session });
      await history.generations.updateMany({ dataset, state: 'current', ...(generation === undefined ? {} : { _id: { $ne: generation } }) }, { $set: { state: 'replaced' } }, { session });
    });
}
