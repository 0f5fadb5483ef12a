import { exchanges, queues, tryMessageType, wakeKeys, type ControlMessage, type EventMessage, type TryAnswer, type TryRequest, type WakeMessage } from '@gleaner/contracts';
import { BrokerError, type Broker } from '@gleaner/broker';
import type { RunDocument } from '@gleaner/database';
import { ProblemError } from './core/problem.ts';

type JobEvent = Omit<Extract<EventMessage, { kind: 'job' }>, 'kind' | 'at'>;

/**
 * What the gateway says over the broker. Commands are documents in the database: all of this but a try only makes others look sooner and may be lost,
 * so that a broker that is away makes no command fail.
 */
export interface Messenger {
  /** Tells the leader and the live view of a job's change. */
  announceJob(event: JobEvent): void;
  /** Tells the leader and the live view of a run that was inserted or moved here. */
  announceRun(run: Pick<RunDocument, '_id' | 'job' | 'state' | 'rev'>): void;
  /** Tells storage that letters were marked for replay, or a run for a decision. */
  announceCommand(what: Extract<WakeMessage, { kind: 'command' }>['what']): void;
  /** Asks collectors to stop a run's fetch: the run's state is what counts. */
  announceAbort(run: Pick<RunDocument, '_id' | 'attempts'>, reason: string): void;
  /** Has a collector try a job; throws `broker_unavailable` or `collector_unavailable` where nobody does. */
  tryJob(options: { readonly request: TryRequest; readonly deadlineMs: number; readonly signal: AbortSignal }): Promise<TryAnswer>;
}

export function createMessenger({ broker, now }: { readonly broker: Pick<Broker, 'announce' | 'request'>; readonly now: () => Date }): Messenger {
  return {
    announceJob: (event) => broker.announce(exchanges.events, `job.${event.what}`, { kind: 'job', ...event, at: now().toISOString() } satisfies EventMessage),
    announceRun: ({ _id, job, state, rev }) => broker.announce(exchanges.events, `run.${state}`, { kind: 'run', run: _id, job, state, rev, at: now().toISOString() } satisfies EventMessage),
    announceCommand: (what) => broker.announce(exchanges.events, wakeKeys.command, { kind: 'command', what } satisfies WakeMessage),
    announceAbort: ({ _id, attempts }, reason) => broker.announce(exchanges.control, '', { kind: 'abort', run: _id, try: attempts, reason } satisfies ControlMessage),
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
