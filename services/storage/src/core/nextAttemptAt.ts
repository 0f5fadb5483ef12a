/** How long a run waits between its tries. */
const retryPolicy = { firstMs: 5_000, factor: 2, mostMs: 600_000, mostRetryAfterMs: 86_400_000 } as const;

/**
 * When the next try may start: after back-off with full jitter (0 to 5 s × 2ⁿ, at most 10 min), and not before the upstream's `Retry-After` is over: one of 0 asks for no haste.
 * `failedTry` counts from 1; `random` is in [0, 1).
 */
export function nextAttemptAt({ failedTry, retryAfterMs, random, now }: { readonly failedTry: number; readonly retryAfterMs?: number | undefined; readonly random: number; readonly now: Date }): Date {
  const most = Math.min(retryPolicy.mostMs, retryPolicy.firstMs * retryPolicy.factor ** (failedTry - 1));
  const asked = retryAfterMs !== undefined && Number.isFinite(retryAfterMs) ? Math.min(retryAfterMs, retryPolicy.mostRetryAfterMs) : 0;
  return new Date(now.getTime() + Math.max(asked, Math.round(random * most)));
}
