import { setTimeout as wait } from 'node:timers/promises';
import { AttemptFailure } from './core/AttemptFailure.ts';

/** Origins that asked for quiet, as the leader announces them: best effort, what counts is that the leader sends no ticks meanwhile. */
export interface OriginPauses {
  /** Remembers that an origin is not to be asked until then (Unix ms). */
  pause(origin: string, until: number): void;
  /** Waits a short pause out; a longer one ends the attempt as `rate_limited`, so that its slot goes to another. */
  passed(origin: string, signal: AbortSignal): Promise<void>;
}

const longestWaitMs = 15_000;
const remembered = 1_000;

/** Makes an empty memory of pauses; it holds 1,000 at most. */
export function createOriginPauses({ now = Date.now }: { readonly now?: () => number } = {}): OriginPauses {
  const untils = new Map<string, number>();
  return {
    pause(origin, until) {
      untils.set(origin, Math.max(until, untils.get(origin) ?? 0));
      const [oldest] = untils.keys();
      if (untils.size > remembered && oldest !== undefined) untils.delete(oldest);
    },
    async passed(origin, signal) {
      const left = (untils.get(origin) ?? 0) - now();
      if (left <= 0) {
        untils.delete(origin);
        return;
      }
      if (left > longestWaitMs) throw new AttemptFailure('rate_limited', `expected ${origin} to be free; it asked for quiet for another ${Math.ceil(left / 1_000)} s`, { retryAfterMs: left });
      await wait(left, undefined, { signal });
    },
  };
}
