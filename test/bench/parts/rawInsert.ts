import type { Database } from '@gleaner/database';
import type { PricedItem } from '../core/changeItems.ts';
import { keptOf } from './auctionData.ts';

/** The yardstick: the same documents through the bare driver's `insertMany` into a new collection, acknowledged by the journal of a majority; ms. */
export async function rawInsert({ database, items, round }: { readonly database: Database; readonly items: readonly PricedItem[]; readonly round: number }): Promise<number> {
  const collection = database.db.collection<{ _id: string }>(`raw_${round}`);
  // Made before: creating a collection is no part of inserting into it.
  await database.db.createCollection(collection.collectionName);
  const documents = items.map((item) => ({ _id: String(item.Id), ...keptOf(item) }));
  const began = performance.now();
  await collection.insertMany(documents);
  const took = performance.now() - began;
  await collection.drop();
  return took;
}
