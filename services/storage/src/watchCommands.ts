import { watchCollection } from '@gleaner/database';
import { executeDecisions } from './executeDecisions.ts';
import { executeReplays } from './executeReplays.ts';
import type { StorageParts } from './storageParts.ts';

export interface Commands {
  stop(): Promise<void>;
}

/**
 * Carries out replays and decisions as soon as they are asked for: a change stream wakes it, a scan each second is behind it.
 * What fails is tried again with the next scan.
 */
export function watchCommands({ parts, scanMs = 1_000 }: { readonly parts: StorageParts; readonly scanMs?: number }): Commands {
  const { database, log } = parts;
  let stopped = false;
  let again = true;
  let wake: () => void = () => undefined;
  const onChange = (): void => {
    again = true;
    wake();
  };
  const onTrouble = (error: unknown): void => log.warn({ err: error }, 'a change stream broke; it is opened again, the scan goes on');
  const watches = [
    watchCollection({ collection: database.collections.deadLetters, pipeline: [{ $match: { 'updateDescription.updatedFields.replay': { $exists: true } } }], onChange, onTrouble }),
    watchCollection({ collection: database.collections.runs, pipeline: [{ $match: { 'updateDescription.updatedFields.decision': { $exists: true } } }], onChange, onTrouble }),
  ];
  const run = async (): Promise<void> => {
    while (!stopped) {
      again = false;
      try {
        await executeReplays({ parts });
        await executeDecisions({ parts });
      } catch (error) {
        log.warn({ err: error }, 'commands could not be read; trying again');
      }
      if (!again && !stopped)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, scanMs);
          wake = () => { clearTimeout(timer); resolve(); };
        });
    }
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      wake();
      await Promise.all(watches.map((watch) => watch.close()));
      await running;
    },
  };
}
