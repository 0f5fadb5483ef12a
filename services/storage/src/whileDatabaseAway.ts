import { handBack, type Outcome } from '@gleaner/broker';
import { isDatabaseAway, type Database } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import { untilDatabaseBack } from './untilDatabaseBack.ts';

/**
 * Runs a handler, and runs it again for as long as it fails because the database is away: the message waits in this process, unacknowledged,
 * instead of climbing the ladder towards its death. After `patienceMs` it is handed back, once `pause` has resolved: held longer, the broker would
 * take it back every half hour and count that as a failed delivery. Gives up with the error when the delivery can no longer be settled.
 */
export async function whileDatabaseAway({ database, log, signal, handle, pause, patienceMs }: {
  readonly database: Pick<Database, 'ping'>; readonly log: Logger; readonly signal: AbortSignal; readonly handle: () => Promise<Outcome>;
  readonly pause: () => Promise<void>; readonly patienceMs: number;
}): Promise<Outcome> {
  let since: number | undefined;
  for (;;) {
    try {
      return await handle();
    } catch (error) {
      if (!isDatabaseAway(error) || signal.aborted) throw error;
      since ??= performance.now();
      const left = since + patienceMs - performance.now();
      log.warn({ err: error }, 'the database is away; waiting');
      const back = await untilDatabaseBack({ database, signal: AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, Math.round(left)))]) });
      if (back) continue;
      if (signal.aborted) throw error;
      await pause();
      return handBack('the database is away for long');
    }
  }
}
