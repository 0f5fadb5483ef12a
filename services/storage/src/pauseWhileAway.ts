import type { Consumer } from '@gleaner/broker';
import type { Database } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import { untilDatabaseBack } from './untilDatabaseBack.ts';

export interface AwayPause {
  /** Stops all consumers taking messages until the database answers; resolves once they take none. */
  begin(): Promise<void>;
  /** Ends the waiting; consumers that are paused stay so. */
  stop(): void;
}

/** Pauses consumers while the database is away for long, and lets them go on by itself. */
export function pauseWhileAway({ database, log, consumers }: { readonly database: Pick<Database, 'ping'>; readonly log: Logger; readonly consumers: readonly Pick<Consumer, 'pause' | 'resume'>[] }): AwayPause {
  const stopping = new AbortController();
  let begun: Promise<unknown> | undefined;
  const goOnOnceBack = async (): Promise<void> => {
    if (!(await untilDatabaseBack({ database, signal: stopping.signal }))) return;
    log.info({}, 'the database is back; taking messages again');
    begun = undefined;
    await Promise.all(consumers.map((consumer) => consumer.resume()));
  };
  return {
    begin: async () => {
      if (begun === undefined) {
        log.warn({}, 'the database is away for long; no messages are taken until it is back');
        begun = Promise.all(consumers.map((consumer) => consumer.pause()));
        void begun.then(goOnOnceBack);
      }
      await begun;
    },
    stop: () => stopping.abort(),
  };
}
