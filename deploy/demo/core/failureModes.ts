/** How a feed can be made to fail; `ok` ends it. */
export const failureModes = ['ok', '500', '429', 'slow', 'garbage', 'reset'] as const;
export type FailureMode = (typeof failureModes)[number];

/** A switch as it was set for a feed. */
export interface Failure {
  readonly mode: FailureMode;
  /** Requests that it is for; then the feed is well again. Absent: until another switch. */
  readonly times?: number;
  /** Milliseconds that a slow answer takes. */
  readonly delayMs: number;
  /** Seconds that a 429 asks for. */
  readonly retryAfter: number;
}

/** What a request meets, and the switch that is left for the next one. */
export function nextFailure(failure: Failure | undefined): { readonly mode: FailureMode; readonly left: Failure | undefined } {
  if (failure === undefined || failure.mode === 'ok') return { mode: 'ok', left: undefined };
  if (failure.times === undefined) return { mode: failure.mode, left: failure };
  return { mode: failure.mode, left: failure.times > 1 ? { ...failure, times: failure.times - 1 } : undefined };
}
