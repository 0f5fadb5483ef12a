/** A wait that grows: `minMs × 2ⁿ`, at most `maxMs`. */
export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Milliseconds before try `n` (from 0); `random` in [0, 1) spreads the copies of a service over the upper half of the wait. */
export function backoffMs({ minMs, maxMs }: Backoff, n: number, random: number): number {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(n, 30));
  return Math.round(full / 2 + (full / 2) * random);
}
