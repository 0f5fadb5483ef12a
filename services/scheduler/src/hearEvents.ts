import { exchanges, wakeKeys, type EventMessage, type RunState, type WakeMessage } from '@gleaner/contracts';
import type { Broker, Subscription } from '@gleaner/broker';
import type { Logger } from '@gleaner/runtime';

/** States that give the leader something to do: a run to start, or an end to settle. It makes `queued`, `expired` and `skipped` itself, and `running` changes nothing for it. */
const states: readonly RunState[] = ['due', 'retrying', 'succeeded', 'unchanged', 'quarantined', 'failed', 'cancelled'];

/**
 * Hears what storage and gateways did to runs and jobs until it is stopped. Wake-ups only: what is lost is found by the scan of each second,
 * for which `onGap` asks at once where something may have been missed.
 */
export function hearEvents({ broker, onStart, onEnd, onReported, onJob, onGap, log }: {
  readonly broker: Pick<Broker, 'subscribe'>;
  /** A run became due, or waits for its next try. */
  readonly onStart: (run: string) => void;
  readonly onEnd: (run: string) => void;
  /** The last report of a try that had been given up, or whose run had ended. */
  readonly onReported: (run: { readonly run: string; readonly try: number }) => void;
  readonly onJob: (job: string) => void;
  readonly onGap: () => void;
  readonly log: Logger;
}): Subscription {
  return broker.subscribe({
    exchange: exchanges.events, routingKeys: [...states.map((state) => `run.${state}`), 'job.#', wakeKeys.reported], onGap,
    handler: ({ json, routingKey }) => {
      let event: EventMessage | WakeMessage;
      try {
        event = json() as EventMessage | WakeMessage;
      } catch (error) {
        log.warn({ err: error, routingKey }, 'an event cannot be read; the scan finds what it was about');
        return;
      }
      if (event.kind === 'job') onJob(event.job);
      else if (event.kind === 'reported') onReported(event);
      else if (event.kind === 'run') (event.state === 'due' || event.state === 'retrying' ? onStart : onEnd)(event.run);
    },
  });
}
