import { exchanges, type ControlMessage, type EventMessage } from '@gleaner/contracts';
import type { Broker } from '@gleaner/broker';

type JobEvent = Omit<Extract<EventMessage, { kind: 'job' }>, 'kind' | 'at'>;

/**
 * What the gateway says over the broker. Commands are documents in the database: this only makes others look sooner,
 * so that a broker that is away makes no command fail.
 */
export interface Messenger {
  /** Tells the live view of a job's change; may be lost. */
  announceJob(event: JobEvent): void;
  /** Asks collectors to stop a run's fetch; may be lost: the run's state is what counts. */
  announceAbort(run: string, reason: string): void;
}

export function createMessenger({ broker, now }: { readonly broker: Pick<Broker, 'announce'>; readonly now: () => Date }): Messenger {
  return {
    announceJob: (event) => broker.announce(exchanges.events, `job.${event.what}`, { kind: 'job', ...event, at: now().toISOString() } satisfies EventMessage),
    announceAbort: (run, reason) => broker.announce(exchanges.control, '', { kind: 'abort', run, reason } satisfies ControlMessage),
  };
}
