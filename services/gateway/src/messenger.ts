import { exchanges, queues, tryMessageType, type ControlMessage, type EventMessage, type TryAnswer, type TryRequest } from '@gleaner/contracts';
import { BrokerError, type Broker } from '@gleaner/broker';
import { ProblemError } from './core/problem.ts';

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
  /** Has a collector try a job; throws `broker_unavailable` or `collector_unavailable` where nobody does. */
  tryJob(options: { readonly request: TryRequest; readonly deadlineMs: number; readonly signal: AbortSignal }): Promise<TryAnswer>;
}

export function createMessenger({ broker, now }: { readonly broker: Pick<Broker, 'announce' | 'request'>; readonly now: () => Date }): Messenger {
  return {
    announceJob: (event) => broker.announce(exchanges.events, `job.${event.what}`, { kind: 'job', ...event, at: now().toISOString() } satisfies EventMessage),
    announceAbort: (run, reason) => broker.announce(exchanges.control, '', { kind: 'abort', run, reason } satisfies ControlMessage),
    tryJob: async ({ request, deadlineMs, signal }) => {
      try {
        return (await broker.request({ exchange: exchanges.work, routingKey: queues.try, type: tryMessageType, body: request, deadlineMs, signal })) as TryAnswer;
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        const code = error.code === 'no_reply' || error.code === 'remote_error' ? 'collector_unavailable' : 'broker_unavailable';
        throw new ProblemError(code, `the job was not tried: ${error.message}`, { extra: { reason: error.code }, cause: error });
      }
    },
  };
}
