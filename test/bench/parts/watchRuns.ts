import { connectBroker } from '@gleaner/broker';
import { exchanges, topology, type EventMessage, type RunState } from '@gleaner/contracts';
import { createLogger } from '@gleaner/runtime';

const ended: readonly RunState[] = ['succeeded', 'unchanged', 'quarantined', 'failed', 'cancelled', 'expired', 'skipped', 'missed'];

/** How a run ended, and when the bench heard of it by performance.now(). */
export interface EndedRun {
  readonly run: string;
  readonly state: RunState;
  readonly at: number;
}

/**
 * Hears of runs' ends by the events that services tell of them as soon as they are committed. Neither polling nor a change stream:
 * those would have the database look at every write while writing is measured.
 */
export interface RunWatch {
  /** Resolves when the run has ended, also when it did before; rejects after `timeout` ms (default 60,000), also where its event was lost. */
  readonly ended: (run: string, timeout?: number) => Promise<EndedRun>;
  readonly close: () => Promise<void>;
}

export async function watchRuns(amqpUrl: string): Promise<RunWatch> {
  const seen = new Map<string, EndedRun>();
  const waiting = new Map<string, (ended: EndedRun) => void>();
  const broker = await connectBroker({ url: amqpUrl, name: 'bench', log: createLogger({ service: 'bench', level: 'silent' }) });
  await broker.declare(topology);
  const subscription = broker.subscribe({
    exchange: exchanges.events, routingKeys: ['run.*'],
    handler: ({ json }) => {
      const at = performance.now();
      const event = json() as EventMessage;
      const state = event.kind === 'run' && ended.find((one) => one === event.state);
      if (event.kind !== 'run' || !state) return;
      const entry = { run: event.run, state, at };
      seen.set(event.run, entry);
      waiting.get(event.run)?.(entry);
      waiting.delete(event.run);
    },
  });
  // Nothing may be missed from here on.
  await subscription.ready;
  return {
    ended: (run, timeout = 60_000) => {
      const known = seen.get(run);
      if (known) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`run ${run} has not ended within ${timeout} ms`)), timeout);
        waiting.set(run, (entry) => {
          clearTimeout(timer);
          resolve(entry);
        });
      });
    },
    close: () => broker.close(),
  };
}
