import type { Db } from 'mongodb';

/** Now, by the database: the one clock all services share. A wall clock set wrong on one machine decides nothing. */
export interface DatabaseClock {
  /** The database's time as of the last `sync`, carried on by the monotonic clock; ms precision. */
  now(): Date;
  /** Measures the offset anew; rejects where the database cannot be asked (the old offset stays). */
  sync(): Promise<void>;
}

/** Measures the offset once and returns the clock. `monotonic` (ms) is for tests. */
export async function databaseClock({ db, monotonic = () => performance.now() }: { db: Db; monotonic?: () => number }): Promise<DatabaseClock> {
  let offset = 0;
  const sync = async (): Promise<void> => {
    // Of a few tries the one with the shortest round trip says most: half of it is the error.
    let shortest = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const sent = monotonic();
      const answer = await db.admin().command({ hello: 1 });
      const received = monotonic();
      if (received - sent >= shortest) continue;
      shortest = received - sent;
      offset = (answer['localTime'] as Date).getTime() - (sent + received) / 2;
    }
  };
  await sync();
  return { now: () => new Date(monotonic() + offset), sync };
}
