import { Binary, MongoServerError, type Document } from 'mongodb';
import type { Database } from './connectDatabase.ts';
import { findOrphans, type IdleTransaction, type SeenTransactions } from './core/findOrphans.ts';

export interface OrphanedTransactions {
  /** Looks once, and ends what it finds; how many. Rejects where the server cannot be asked or does not allow it (`isRefused` tells which). */
  end(): Promise<number>;
}

/** The servers' codes for a command that this user may not give, or that this kind of server does not have. */
const refusedCodes: ReadonlySet<unknown> = new Set([13, 59, 115, 303, 304, 8000, 40_324]);

/** True where looking for orphans will never work here: then the server's own limit ends them (60 to 90 s by default). */
export const isRefused = (error: unknown): boolean => error instanceof MongoServerError && refusedCodes.has(error.code);

/**
 * Ends transactions of killed services. The server keeps a dead client's transaction, with its locks, until `transactionLifetimeLimitSeconds` (60 s, looked at
 * every 30 s), and everybody else who wants to write those documents gets a write conflict until then. Needs no privilege: each user may see and end its own
 * sessions. One that is ended by mistake is repeated by its owner, as after any transient error, so several copies may look at once.
 * Only transactions of Gleaner's services (`appName` `gleaner-…`) are looked at. Behind mongos it finds nothing, and the server's limit stands.
 * `monotonic` (ms) and `hungMs`, how long a transaction whose connection stands may go without a command, are for tests.
 */
export function orphanedTransactions({ database, hungMs = 15_000, monotonic = () => performance.now() }: {
  readonly database: Pick<Database, 'client'>; readonly hungMs?: number; readonly monotonic?: () => number;
}): OrphanedTransactions {
  const admin = database.client.db('admin');
  const operations = (idle: 'idleSessions' | 'idleConnections', $match: Document, $project: Document): Promise<Document[]> =>
    admin.aggregate([{ $currentOp: { allUsers: false, [idle]: true } }, { $match }, { $project }], { readPreference: 'primary', maxTimeMS: 5_000 }).toArray();
  let seen: SeenTransactions = new Map();
  return {
    async end() {
      const found = await operations('idleSessions',
        { type: 'idleSession', appName: /^gleaner-/, connectionId: { $exists: true }, 'transaction.parameters.autocommit': false },
        { 'lsid.id': 1, connectionId: 1, 'transaction.parameters.txnNumber': 1, 'transaction.timeActiveMicros': 1 });
      const idle = found.map(transactionOf).filter((one) => one !== undefined);
      // Asked for after the transactions: a connection made since then cannot be missed, and one that has gone since is gone all the same.
      const connections = idle.length === 0 ? [] : await operations('idleConnections', { connectionId: { $exists: true }, type: 'op' }, { connectionId: 1 });
      const looked = findOrphans({ idle, connections: new Set(connections.map(({ connectionId }) => Number(connectionId))), before: seen, now: monotonic(), hungMs });
      ({ seen } = looked);
      if (looked.orphans.length > 0)
        await admin.command({ killSessions: looked.orphans.map(({ session }) => ({ id: new Binary(Buffer.from(session, 'hex'), Binary.SUBTYPE_UUID) })) });
      return looked.orphans.length;
    },
  };
}

function transactionOf({ lsid, connectionId, transaction }: Document): IdleTransaction | undefined {
  const id: unknown = lsid?.id;
  if (!(id instanceof Binary)) return undefined;
  return { session: Buffer.from(id.buffer).toString('hex'), number: Number(transaction?.parameters?.txnNumber), activeMicros: Number(transaction?.timeActiveMicros), connection: Number(connectionId) };
}
