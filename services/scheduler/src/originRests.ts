import type { Database, RunDocument } from '@gleaner/database';
import type { Announcer } from './announcer.ts';
import type { OriginSlots } from './originSlots.ts';

/** Longest pause that an upstream's answer may ask for: a typing error there must not stop an origin for a year, ms. */
const longestMs = 86_400_000;

type Failed = Pick<RunDocument, '_id' | 'error'>;

export type OriginRests = (failed: readonly Failed[]) => Promise<void>;

/**
 * Pauses an origin for what its `Retry-After` on a 429 or 503 asked for: for every job and every collector, and for the next leader.
 * The rest counts from when the failure was told, so the same error, seen again whatever its run has become, asks for nothing more.
 */
export function createOriginRests({ database, slots, announcer }: { readonly database: Database; readonly slots: OriginSlots; readonly announcer: Announcer }): OriginRests {
  return async (failed) => {
    for (const { _id, error } of failed) {
      if (error?.origin === undefined || error.at === undefined || error.retryAfterMs === undefined || (error.status !== 429 && error.status !== 503)) continue;
      const { origin } = error;
      const until = error.at.getTime() + Math.min(error.retryAfterMs, longestMs);
      if (until > database.clock.now().getTime() && (await slots.pause({ origin, until, by: _id }))) announcer.pauseOrigin(origin, new Date(until));
    }
  };
}
