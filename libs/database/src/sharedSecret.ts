import { randomBytes } from 'node:crypto';
import type { Database } from './connectDatabase.ts';

/** A random secret that all copies of a service share: made by whoever asks first, 256 bits as base64url. */
export async function sharedSecret({ database, name }: { readonly database: Database; readonly name: string }): Promise<string> {
  const meta = database.db.collection<{ _id: string; value: string }>('meta');
  const ask = { _id: `secret:${name}` };
  const document = await meta.findOneAndUpdate(ask, { $setOnInsert: { value: randomBytes(32).toString('base64url') } }, { upsert: true, returnDocument: 'after' });
  // Two upserts at once: one of them may lose to the other's insert, whose value then stands.
  const standing = document ?? (await meta.findOne(ask));
  if (standing === null) throw new Error(`expected the secret ${name} that was just written; it is not there`);
  return standing.value;
}
