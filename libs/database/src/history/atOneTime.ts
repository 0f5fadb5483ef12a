import type { ClientSession } from 'mongodb';
import type { Database } from '../connectDatabase.ts';

/**
 * Runs reads that all see the database as it was at one moment (`readConcern: snapshot`, majority-committed), without a transaction.
 * Reads only: writing in such a session is refused by the server.
 */
export async function atOneTime<T>({ database }: { readonly database: Pick<Database, 'client'> }, fn: (session: ClientSession) => Promise<T>): Promise<T> {
  return await database.client.withSession({ snapshot: true }, fn);
}
