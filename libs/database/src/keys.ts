import { createHash, randomBytes } from 'node:crypto';
import { scopes, type Scope } from '@gleaner/contracts';
import { ulid } from 'ulid';
import type { Database } from './connectDatabase.ts';
import { isDuplicateKey } from './runs.ts';

/** A key to the gateway. Only its hash is stored: keys are long and random, so that a plain hash cannot be guessed back. */
export interface KeyDocument {
  readonly _id: string;
  readonly name: string;
  /** SHA-256 of the key, hex. */
  readonly hash: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt?: Date;
  readonly revokedAt?: Date;
  readonly revokedBy?: string;
}

/** The id of the key that ADMIN_KEY or the first start made. */
export const adminKeyId = 'admin';

export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** A new key's text: 256 random bits behind a prefix by which leaked keys are found. */
export const makeKey = (): string => `glk_${randomBytes(32).toString('base64url')}`;

interface NewKey {
  readonly database: Database;
  readonly id?: string | undefined;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly by: string;
  readonly expiresAt?: Date | undefined;
}

/** Makes a key and gives its text, which is told this once. `expiresAt` absent = never. With an `id`, null where there is such a key already. */
export async function createKey(options: NewKey & { readonly id?: undefined }): Promise<{ key: string; document: KeyDocument }>;
export async function createKey(options: NewKey): Promise<{ key: string; document: KeyDocument } | null>;
export async function createKey({ database, id, name, scopes, by, expiresAt }: NewKey): Promise<{ key: string; document: KeyDocument } | null> {
  const key = makeKey();
  const now = database.clock.now();
  const document: KeyDocument = { _id: id ?? ulid(now.getTime()).toLowerCase(), name, hash: hashKey(key), scopes, createdAt: now, createdBy: by, ...(expiresAt ? { expiresAt } : {}) };
  try {
    await database.collections.keys.insertOne(document);
  } catch (error) {
    if (id !== undefined && isDuplicateKey(error)) return null;
    throw error;
  }
  return { key, document };
}

/** The key of this text, or null where there is none, it is revoked or its time is over. */
export async function findKey({ database, key }: { readonly database: Database; readonly key: string }): Promise<KeyDocument | null> {
  return alive(await database.collections.keys.findOne({ hash: hashKey(key) }), database.clock.now());
}

/** The living key of this id, or null. */
export async function findKeyById({ database, id }: { readonly database: Database; readonly id: string }): Promise<KeyDocument | null> {
  return alive(await database.collections.keys.findOne({ _id: id }), database.clock.now());
}

/** Living and revoked keys, newest first. */
export async function listKeys({ database }: { readonly database: Database }): Promise<KeyDocument[]> {
  return await database.collections.keys.find({}, { sort: { createdAt: -1, _id: -1 }, limit: 10_000 }).toArray();
}

/** Revokes a key and ends its sessions; false where no living key has this id. The row stays, so that the audit's names keep their meaning. */
export async function revokeKey({ database, id, by }: { readonly database: Database; readonly id: string; readonly by: string }): Promise<boolean> {
  const { modifiedCount } = await database.collections.keys.updateOne({ _id: id, revokedAt: { $exists: false } }, { $set: { revokedAt: database.clock.now(), revokedBy: by } });
  if (modifiedCount === 0) return false;
  await database.collections.sessions.deleteMany({ key: id });
  return true;
}

/**
 * Sees that there is a first key with all scopes. `given` (ADMIN_KEY) becomes or replaces it, so that a lost key can be set anew;
 * without one a key is made only where no key exists at all, and its text is returned: to be told once. Copies that start together make one.
 */
export async function ensureFirstKey({ database, given }: { readonly database: Database; readonly given?: string | undefined }): Promise<string | undefined> {
  const { keys } = database.collections;
  const now = database.clock.now();
  const document = (key: string): Omit<KeyDocument, '_id'> => ({ name: 'admin', hash: hashKey(key), scopes: [...scopes], createdAt: now, createdBy: 'start' });
  if (given !== undefined) {
    const standing = await keys.findOne({ _id: adminKeyId });
    if (standing !== null && standing.hash === hashKey(given) && standing.revokedAt === undefined) return undefined;
    await keys.replaceOne({ _id: adminKeyId }, document(given), { upsert: true });
    return undefined;
  }
  if ((await keys.findOne({}, { projection: { _id: 1 } })) !== null) return undefined;
  const key = makeKey();
  try {
    await keys.insertOne({ _id: adminKeyId, ...document(key) });
    return key;
  } catch (error) {
    if (isDuplicateKey(error)) return undefined; // another copy made it and told it
    throw error;
  }
}

const alive = (key: KeyDocument | null, now: Date): KeyDocument | null =>
  key === null || key.revokedAt !== undefined || (key.expiresAt !== undefined && key.expiresAt <= now) ? null : key;
