import type { Database } from './connectDatabase.ts';
import { isDuplicateKey } from './runs.ts';

/** Who leads, until when, and how often the lead has changed. */
export interface LeaseDocument {
  readonly _id: string;
  readonly owner: string;
  /** Grows with each change of owner: written into runs and ticks for diagnosis; the fence itself is the unique run id. */
  readonly token: number;
  readonly expiresAt: Date;
}

/** Takes the lease or renews one's own, by the server's time; null while another holds it. `owner` must be new with each process start. */
export async function holdLease({ database, name, owner, lastsMs = 6_000 }: { readonly database: Database; readonly name: string; readonly owner: string; readonly lastsMs?: number }): Promise<LeaseDocument | null> {
  const { leases } = database.collections;
  const take = () => leases.findOneAndUpdate(
    { _id: name, $expr: { $or: [{ $eq: ['$owner', owner] }, { $lt: ['$expiresAt', '$$NOW'] }] } },
    [{ $set: { owner, token: { $cond: [{ $eq: ['$owner', owner] }, '$token', { $add: ['$token', 1] }] }, expiresAt: { $add: ['$$NOW', lastsMs] } } }],
    { returnDocument: 'after', timeoutMS: lastsMs },
  );
  const held = await take();
  if (held !== null) return held;
  if (await leases.countDocuments({ _id: name }, { limit: 1, timeoutMS: lastsMs }) > 0) return null;
  try {
    await leases.insertOne({ _id: name, owner: '', token: 0, expiresAt: new Date(0) });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error; // another copy made it first: take() decides between us
  }
  return await take();
}

/** Gives one's own lease back, so that the next leader need not wait for its end. */
export async function releaseLease({ database, name, owner }: { readonly database: Database; readonly name: string; readonly owner: string }): Promise<void> {
  await database.collections.leases.updateOne({ _id: name, owner }, { $set: { expiresAt: new Date(0) } });
}
