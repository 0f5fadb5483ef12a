/** A transaction in which nothing runs just now, as the server shows it. */
export interface IdleTransaction {
  /** Its session's id, as hex. */
  readonly session: string;
  /** Its number in that session. */
  readonly number: number;
  /** The time that its commands have taken so far: unchanged means that none came. */
  readonly activeMicros: number;
  /** The connection that its last command came by. */
  readonly connection: number;
}

/** Idle transactions by session, and since when (monotonic ms) they have had no command. */
export type SeenTransactions = ReadonlyMap<string, { readonly number: number; readonly activeMicros: number; readonly since: number }>;

/**
 * Tells which idle transactions nobody will go on with: those whose connection is gone (their process was killed),
 * and those without a command for `hungMs` (its machine was lost, or it hangs; the connection may stay open for minutes).
 */
export function findOrphans({ idle, connections, before, now, hungMs }: {
  readonly idle: readonly IdleTransaction[]; readonly connections: ReadonlySet<number>; readonly before: SeenTransactions; readonly now: number; readonly hungMs: number;
}): { readonly orphans: readonly IdleTransaction[]; readonly seen: SeenTransactions } {
  const orphans: IdleTransaction[] = [];
  const seen = new Map<string, { number: number; activeMicros: number; since: number }>();
  for (const transaction of idle) {
    const { session, number, activeMicros, connection } = transaction;
    const last = before.get(session);
    const since = last?.number === number && last.activeMicros === activeMicros ? last.since : now;
    seen.set(session, { number, activeMicros, since });
    if (!connections.has(connection) || now - since >= hungMs) orphans.push(transaction);
  }
  return { orphans, seen };
}
