import { exchanges, topology, type EventMessage } from '@gleaner/contracts';
import type { Broker, Subscription } from '@gleaner/broker';
import { createKeyframeCache, HistoryError, sharedSecret, type Database } from '@gleaner/database';
import type { Logger, Metrics } from '@gleaner/runtime';
import type Koa from 'koa';
import { ulid } from 'ulid';
import { createCursors } from './core/cursors.ts';
import { createDatasetLookup } from './datasetLookup.ts';
import { createEventFeed } from './eventFeed.ts';
import type { Gateway } from './gateway.ts';
import { createAuditor } from './http/auditor.ts';
import { createApp } from './http/createApp.ts';
import { createIdempotency } from './http/idempotency.ts';
import { createAuthenticator } from './http/authenticator.ts';
import { watchAvailability } from './http/watchAvailability.ts';
import { createMessenger } from './messenger.ts';
import { routesOf } from './routes/index.ts';

export interface RunningGateway {
  readonly app: Koa;
  /** Stops listening to events and to the database's comings and goings. */
  stop(): Promise<void>;
}

/** Puts a gateway together over a database and a broker (which may be away). */
export async function createGateway({ database, broker, log, metrics, stopping, version, trustProxy = false, answerMs }: {
  readonly database: Database; readonly broker: Broker; readonly log: Logger; readonly metrics: Metrics; readonly stopping: AbortSignal; readonly version: string;
  /** Whether a proxy stands before it that says whether the client came by https. */
  readonly trustProxy?: boolean;
  /** See createApp. */
  readonly answerMs?: number;
}): Promise<RunningGateway> {
  const availability = watchAvailability({ database });
  const events = createEventFeed({ epoch: ulid().toLowerCase() });
  const authenticator = createAuthenticator({ database });
  const gateway: Gateway = {
    database, authenticator, events, log, metrics, stopping,
    cursors: createCursors({ secret: await sharedSecret({ database, name: 'cursors' }) }),
    datasets: createDatasetLookup({ database, isGone: (error) => error instanceof HistoryError && error.code === 'no_dataset' }),
    keyframes: createKeyframeCache(),
    messenger: createMessenger({ broker, now: () => database.clock.now() }),
    needed: {
      database: async () => {
        if (!availability.isThere()) return { ok: false, detail: 'MongoDB has no primary that this gateway can reach' };
        await database.ping();
        return { ok: true };
      },
    },
    helpful: { broker: () => broker.health() },
  };
  metrics.gaugeFrom('gleaner_gateway_event_listeners', 'Open streams of live events.', () => events.listeners);
  const subscription = subscribeEvents({ broker, events, log });
  const app = createApp({ trustProxy, answerMs, routes: routesOf({ gateway, version }), authenticator, auditor: createAuditor({ database, log }), idempotency: createIdempotency({ database, log }), log, metrics, expectDatabase: availability.expect });
  return {
    app,
    stop: async () => {
      availability.stop();
      await subscription.stop();
    },
  };
}

/** Events are a live view: what is missed while the broker is away shows as a gap, and nobody waits for it. */
function subscribeEvents({ broker, events, log }: { readonly broker: Broker; readonly events: Gateway['events']; readonly log: Logger }): Subscription {
  broker.declare(topology).catch((error: unknown) => log.warn({ err: error }, 'the topology is not declared yet'));
  return broker.subscribe({
    exchange: exchanges.events, routingKeys: ['#'], onGap: events.gap,
    handler: ({ json }) => {
      const event = json() as EventMessage;
      if (event.kind === 'run' || event.kind === 'job') events.push(event);
    },
  });
}
