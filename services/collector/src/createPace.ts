import { setTimeout as wait } from 'node:timers/promises';
import type { OriginPauses } from './createOriginPauses.ts';

/** The distance that all requests of one attempt keep at an origin: pages, redirects and tokens alike. */
export interface Pace {
  /** Waits until the origin may be asked: its last request `spacingMs` ago, and no quiet asked for. Rejects with the signal's reason, or as `rate_limited` where the quiet is long. */
  turn(origin: string, signal: AbortSignal): Promise<void>;
  /** The request to the origin has been answered, or has failed: the distance counts from here, so that a slow connection brings no two requests together. */
  answered(origin: string): void;
}

/** Makes the pace of one attempt. `spacingMs` 0 = no distance. */
export function createPace({ spacingMs, pauses }: { readonly spacingMs: number; readonly pauses: OriginPauses }): Pace {
  const lastAt = new Map<string, number>();
  return {
    async turn(origin, signal) {
      const left = (lastAt.get(origin) ?? Number.NEGATIVE_INFINITY) + spacingMs - performance.now();
      if (left > 0) await wait(Math.ceil(left), undefined, { signal });
      await pauses.passed(origin, signal);
      lastAt.set(origin, performance.now());
    },
    answered: (origin) => void lastAt.set(origin, performance.now()),
  };
}
