import { isDatabaseAway, type Database } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';

const pauseMs = 1_000;

/**
 * Runs a handler, and runs it again for as long as it fails because the database is away: the message waits in this process, unacknowledged,
 * instead of climbing the ladder towards its death. Gives up with the error when the delivery can no longer be settled.
 */
export async function whileDatabaseAway<T>({ database, log, signal, handle }: { readonly database: Pick<Database, 'ping'>; readonly log: Logger; readonly signal: AbortSignal; readonly handle: () => Promise<T> }): Promise<T> {
  for (;;) {
    try {
      return await handle();
    } catch (error) {
      if (!isDatabaseAway(error) || signal.aborted) throw error;
      log.warn({ err: error }, 'the database is away; waiting');
      await untilBack({ database, signal });
      if (signal.aborted) throw error;
    }
  }
}

async function untilBack({ database, signal }: { database: Pick<Database, 'ping'>; signal: AbortSignal }): Promise<void> {
  while (!signal.aborted) {
    await new Promise<void>((resolve) => {
      const done = (): void => { clearTimeout(timer); signal.removeEventListener('abort', done); resolve(); };
      const timer = setTimeout(done, pauseMs);
      signal.addEventListener('abort', done);
    });
    const back = await database.ping().then(() => true, () => false); // still away: asked again
    if (back) return;
  }
}
