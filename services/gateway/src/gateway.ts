import type { Database, KeyframeCache } from '@gleaner/database';
import type { HealthChecks, Logger, Metrics } from '@gleaner/runtime';
import type { Cursors } from './core/cursors.ts';
import type { DatasetLookup } from './datasetLookup.ts';
import type { EventFeed } from './eventFeed.ts';
import type { Authenticator } from './http/authenticator.ts';
import type { Messenger } from './messenger.ts';

/** What the routes work with; made once, in createGateway. */
export interface Gateway {
  readonly database: Database;
  readonly cursors: Cursors;
  readonly datasets: DatasetLookup;
  /** Blocks of the past that were read last. */
  readonly keyframes: KeyframeCache;
  readonly authenticator: Authenticator;
  readonly messenger: Messenger;
  readonly events: EventFeed;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** What must be there for requests to be served. */
  readonly needed: HealthChecks;
  /** What may be away while requests are served all the same. */
  readonly helpful: HealthChecks;
  /** Aborted when this copy begins to stop. */
  readonly stopping: AbortSignal;
}
