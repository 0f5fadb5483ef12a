import { withoutPassword } from '@gleaner/contracts';
import mongoose from 'mongoose';
import type { ClientSession, Db, MongoClient } from 'mongodb';
import { collectionsOf, type Collections } from './collections.ts';
import { databaseClock, type DatabaseClock } from './databaseClock.ts';
import { DatabaseError } from './DatabaseError.ts';

export interface Database {
  readonly client: MongoClient;
  readonly db: Db;
  readonly collections: Collections;
  readonly clock: DatabaseClock;
  /**
   * Runs `fn` in a transaction (snapshot reads, majority writes, journal). A transient error repeats all of `fn`,
   * an unknown commit repeats the commit; any other error aborts and is thrown. `fn` must have no effect but its writes.
   */
  transaction<T>(fn: (session: ClientSession) => Promise<T>): Promise<T>;
  /** Rejects where the database does not answer within 2 s. */
  ping(): Promise<void>;
  /** Never hangs: gives up waiting after 5 s. */
  close(): Promise<void>;
}

export interface ConnectDatabaseOptions {
  /** mongodb:// URL. Its path names the database; default `gleaner`. */
  readonly url: string;
  readonly databaseName?: string;
  /** Shows in the server's list of connections. */
  readonly appName: string;
  readonly maxPoolSize?: number;
}

/** Connects, or fails within 10 s with `unreachable`; a server without a replica set is refused, because it has no transactions. */
export async function connectDatabase({ url, databaseName, appName, maxPoolSize = 20 }: ConnectDatabaseOptions): Promise<Database> {
  const name = databaseName ?? (new URL(url.replace(/^mongodb(\+srv)?:/, 'http:').replace(/,[^/]*/, '')).pathname.slice(1) || 'gleaner');
  const connection = mongoose.createConnection(url, {
    dbName: name, appName, maxPoolSize, bufferCommands: false, autoCreate: false, autoIndex: false,
    serverSelectionTimeoutMS: 10_000, socketTimeoutMS: 120_000, retryWrites: true, writeConcern: { w: 'majority', journal: true },
  });
  // Without a listener a lost connection would be an uncaught error; the driver reconnects by itself, callers see their own failures.
  connection.on('error', () => undefined);
  try {
    await connection.asPromise();
  } catch (error) {
    await connection.destroy().catch(() => undefined); // the first error is the one to tell
    throw new DatabaseError('unreachable', `expected a MongoDB server at ${withoutPassword(url)}; it did not answer within 10 s`, { cause: error });
  }
  const client = connection.getClient() as unknown as MongoClient;
  const db = client.db(name);
  try {
    const hello = await db.admin().command({ hello: 1 });
    if (!hello['setName'] && hello['msg'] !== 'isdbgrid')
      throw new DatabaseError('no_replica_set', `expected a replica set at ${withoutPassword(url)} (one member is enough: mongod --replSet rs0, then rs.initiate()); saw a standalone mongod, which has no transactions`);
    const clock = await databaseClock({ db });
    return {
      client, db, clock,
      collections: collectionsOf(db),
      transaction: (fn) => client.withSession((session) =>
        session.withTransaction(() => fn(session), { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true }, readPreference: 'primary' })),
      ping: async () => { await db.command({ ping: 1 }, { timeoutMS: 2_000 }); },
      close: async () => { await Promise.race([connection.close(), new Promise((resolve) => { setTimeout(resolve, 5_000).unref(); })]); },
    };
  } catch (error) {
    await connection.close().catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}
