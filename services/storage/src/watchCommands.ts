import { watchCollection } from '@gleaner/database';
import { executeDecisions } from './executeDecisions.ts';
import { executeReplays } from './executeReplays.ts';
import type { StorageParts } from './storageParts.ts';

export interface Commands {
  stop(): Promise<void>;
}

/**
 * Carries out replays and decisions as soon as they are asked for: a change stream wakes it, a scan each second is behind it.
 * What fails is tried again with the next scan. What needs the broker has a loop of its own, and so holds up nothing that needs only the database.
 */
export function watchCommands({ parts, scanMs = 1_000 }: { readonly parts: StorageParts; readonly scanMs?: number }): Commands {
  const { database, log } = parts;
  const stopping = new AbortController();
  const { signal } = stopping;
  const onFault = (error: unknown): void => log.warn({ err: error }, 'commands could not be read; trying again');
  const replays = (['runs', 'messages'] as const).map((of) => scan({ step: async () => await executeReplays({ parts, of, signal }), scanMs, signal, onFault }));
  const decisions = scan({ step: async () => await executeDecisions({ parts, signal }), scanMs, signal, onFault });
  const onTrouble = (error: unknown): void => log.warn({ err: error }, 'a change stream broke; it is opened again, the scan goes on');
  const watches = [
    watchCollection({ collection: database.collections.deadLetters, pipeline: [{ $match: { 'updateDescription.updatedFields.replay': { $exists: true } } }], onChange: () => { for (const { wake } of replays) wake(); }, onTrouble }),
    watchCollection({ collection: database.collections.runs, pipeline: [{ $match: { 'updateDescription.updatedFields.decision': { $exists: true } } }], onChange: decisions.wake, onTrouble }),
  ];
  return {
    async stop() {
      stopping.abort();
      await Promise.all(watches.map((watch) => watch.close()));
      await Promise.all([...replays, decisions].map(({ ended }) => ended));
    },
  };
}

/** Takes a step every `scanMs`, and at once when woken, until the signal. */
function scan({ step, scanMs, signal, onFault }: {
  readonly step: () => Promise<unknown>; readonly scanMs: number; readonly signal: AbortSignal; readonly onFault: (error: unknown) => void;
}): { readonly wake: () => void; readonly ended: Promise<void> } {
  let again = true;
  let goOn: () => void = () => undefined;
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      again = false;
      await step().catch(onFault);
      if (again || signal.aborted) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, scanMs);
        goOn = () => { clearTimeout(timer); resolve(); };
        signal.addEventListener('abort', goOn, { once: true });
      });
      signal.removeEventListener('abort', goOn);
    }
  };
  return { wake: () => { again = true; goOn(); }, ended: run() };
}
