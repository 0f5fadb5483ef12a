import type { Database, RunDocument } from '@gleaner/database';
import type { Announcer } from './announce.ts';
import type { OriginSlots } from './originSlots.ts';

/** Longest pause that an upstream's answer may ask for: a typing error there must not stop an origin for a year, ms. */
const longestMs = 86_400_000;

type Answered = Pick<RunDocument, '_id' | 'origins' | 'error' | 'movedAt'>;

/** Pauses an origin for what its `Retry-After` on a 429 or 503 asked for: for every job and every collector, and for the next leader. */
export function createOriginRests({ database, slots, announcer }: { readonly database: Database; readonly slots: OriginSlots; readonly announcer: Announcer }): (answered: readonly Answered[]) => Promise<void> {
  return async (answered) => {
    for (const { _id, origins, error, movedAt } of answered) {
      const origin = origins?.[0];
      if (origin === undefined || error?.retryAfterMs === undefined || (error.status !== 429 && error.status !== 503)) continue;
      const until = (movedAt ?? database.clock.now()).getTime() + Math.min(error.retryAfterMs, longestMs);
      if (until > database.clock.now().getTime() && (await slots.pause({ origin, until, by: _id }))) announcer.pauseOrigin(origin, new Date(until));
    }
  };
}
