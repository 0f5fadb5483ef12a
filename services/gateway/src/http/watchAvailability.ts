import type { Database } from '@gleaner/database';
import { ProblemError } from '../core/problem.ts';

export interface Availability {
  /** Whether a primary is known just now. */
  readonly isThere: () => boolean;
  /** Waits a moment for a primary that is away (an election takes that long), then throws `database_unavailable`. */
  readonly expect: () => Promise<void>;
  readonly stop: () => void;
}

/** Follows what the driver learns of the servers, so that a request need not wait for its time-out to hear that there is no database. */
export function watchAvailability({ database, patienceMs = 2_000 }: { readonly database: Database; readonly patienceMs?: number }): Availability {
  let there = true;
  const waiting = new Set<() => void>();
  const onChange = (event: { readonly newDescription: { readonly servers: ReadonlyMap<string, { readonly type: string }> } }): void => {
    there = [...event.newDescription.servers.values()].some(({ type }) => type === 'RSPrimary' || type === 'Mongos' || type === 'Standalone' || type === 'LoadBalancer');
    if (there) for (const wake of waiting) wake();
  };
  database.client.on('topologyDescriptionChanged', onChange);
  return {
    isThere: () => there,
    expect: async () => {
      if (there) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, patienceMs);
        waiting.add(done);
      });
      if (!there) throw new ProblemError('database_unavailable', 'MongoDB has no primary that this gateway can reach');
    },
    stop: () => {
      database.client.off('topologyDescriptionChanged', onChange);
      for (const wake of waiting) wake();
    },
  };
}
