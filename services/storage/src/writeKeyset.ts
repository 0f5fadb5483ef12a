import { createHash } from 'node:crypto';
import { Binary, compareKeys, keysetId, packKeys, type ClientSession, type HistoryCollections } from '@gleaner/database';

const keysInPart = 50_000;

/** Stores the set of keys that a partial snapshot observed, once for all snapshots that list the same; its name. */
export async function writeKeyset({ history, dataset, keys, now }: { readonly history: HistoryCollections; readonly dataset: string; readonly keys: Iterable<string>; readonly now: Date }): Promise<string> {
  const sorted = [...keys].toSorted(compareKeys);
  const name = createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 32);
  const first = await history.keysets.findOne({ _id: keysetId(dataset, name, 0) }, { projection: { _id: 1 }, readConcern: { level: 'majority' } });
  if (first !== null) return name;
  // The first part is written last: where it stands, all do.
  for (let part = Math.max(0, Math.ceil(sorted.length / keysInPart) - 1); part >= 0; part -= 1) {
    const z = new Binary(await packKeys(sorted.slice(part * keysInPart, (part + 1) * keysInPart)));
    await history.keysets.updateOne({ _id: keysetId(dataset, name, part) }, { $setOnInsert: { z }, $set: { usedAt: now } }, { upsert: true });
  }
  return name;
}

/** Marks a set as used, in the transaction of the row that names it; false where a sweep has taken it meanwhile. A sweep at the same time meets this write: it takes the first part first. */
export async function touchKeyset({ history, session, dataset, name, now }: { readonly history: HistoryCollections; readonly session: ClientSession; readonly dataset: string; readonly name: string; readonly now: Date }): Promise<boolean> {
  return (await history.keysets.updateOne({ _id: keysetId(dataset, name, 0) }, { $set: { usedAt: now } }, { session })).matchedCount > 0;
}
