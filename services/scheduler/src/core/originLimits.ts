/** How much of an origin may be used at once. `perMinute` absent = no limit. */
export interface OriginLimits {
  readonly concurrency: number;
  readonly perMinute?: number | undefined;
}

/** Slots of an origin, and the least ms between two requests in one slot: also from the last request of a run to the first of the next. */
export interface OriginPace {
  readonly slots: number;
  readonly spacing: number;
}

/** What timers, networks and clocks may shorten a minute by without the limit being passed. */
const marginMs = 500;

/** The tightest of several wishes: a job may tighten what an origin gets, never widen it. */
export function tightest(limits: Iterable<{ readonly concurrency?: number | undefined; readonly perMinute?: number | undefined }>): OriginLimits {
  let concurrency = Number.POSITIVE_INFINITY;
  let perMinute = Number.POSITIVE_INFINITY;
  for (const one of limits) {
    concurrency = Math.min(concurrency, one.concurrency ?? Number.POSITIVE_INFINITY);
    perMinute = Math.min(perMinute, one.perMinute ?? Number.POSITIVE_INFINITY);
  }
  return { concurrency, ...(Number.isFinite(perMinute) ? { perMinute } : {}) };
}

/**
 * Shares a minute's requests among the slots: each slot makes at most a whole number of requests in any minute,
 * so that all of them together never pass the limit, whoever runs in them and however many pages a run asks for.
 */
export function paceOf({ concurrency, perMinute }: OriginLimits): OriginPace {
  if (perMinute === undefined) return { slots: concurrency, spacing: 0 };
  const slots = Math.min(concurrency, perMinute);
  return { slots, spacing: Math.ceil((60_000 + marginMs) / Math.floor(perMinute / slots)) };
}
