import { createHash, randomBytes } from 'node:crypto';
import type { Database } from './connectDatabase.ts';

/** A browser that signed in with a key. `_id` is the hash of the cookie's value: the collection gives nobody a session. */
export interface SessionDocument {
  readonly _id: string;
  /** Id of the key it stands for. */
  readonly key: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Begins a session of a key; the token for its cookie. */
export async function createSession({ database, key, lifetimeMs }: { readonly database: Database; readonly key: string; readonly lifetimeMs: number }): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  const now = database.clock.now();
  await database.collections.sessions.insertOne({ _id: hashOf(token), key, createdAt: now, expiresAt: new Date(now.getTime() + lifetimeMs) });
  return token;
}

/** The session of a token, or null where there is none or its time is over. */
export async function findSession({ database, token }: { readonly database: Database; readonly token: string }): Promise<SessionDocument | null> {
  return await database.collections.sessions.findOne({ _id: hashOf(token), expiresAt: { $gt: database.clock.now() } });
}

/** Ends a session; one that is not there is ended already. */
export async function endSession({ database, token }: { readonly database: Database; readonly token: string }): Promise<void> {
  await database.collections.sessions.deleteOne({ _id: hashOf(token) });
}
