import { exchanges, wakeKeys, type WakeMessage } from '@gleaner/contracts';
import type { Broker } from '@gleaner/broker';
import { executeDecisions } from './executeDecisions.ts';
import { executeReplays } from './executeReplays.ts';
import type { StorageParts } from './storageParts.ts';

export interface Commands {
  stop(): Promise<void>;
}

/**
 * Carries out replays and decisions as soon as they are asked for: a message on the exchange of events wakes it, a scan each second is behind it.
 * What fails is tried again with the next scan. What needs the broker has a loop of its own, and so holds up nothing that needs only the database.
 */
export function watchCommands({ parts, broker, scanMs = 1_000 }: { readonly parts: StorageParts; readonly broker: Pick<Broker, 'subscribe'>; readonly scanMs?: number }): Commands {
  const { log } = parts;
  const stopping = new AbortController();
  const { signal } = stopping;
  const onFault = (error: unknown): void => log.warn({ err: error }, 'commands could not be read; trying again');
  const replays = (['runs', 'messages'] as const).map((of) => scan({ step: async () => await executeReplays({ parts, of, signal }), scanMs, signal, onFault }));
  const decisions = scan({ step: async () => await executeDecisions({ parts, signal }), scanMs, signal, onFault });
  const wakeReplays = (): void => { for (const { wake } of replays) wake(); };
  const marks = broker.subscribe({
    exchange: exchanges.events, routingKeys: [wakeKeys.command],
    handler: ({ json }) => { ((json() as WakeMessage & { kind: 'command' }).what === 'decision' ? decisions.wake : wakeReplays)(); },
    onGap: () => { wakeReplays(); decisions.wake(); },
  });
  return {
    async stop() {
      stopping.abort();
      await marks.stop();
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
