const longest = 86_400_000;

/** Milliseconds that a `Retry-After` header asks for (seconds or a date), at most a day; undefined where it says nothing. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(longest, Math.max(0, Math.round(ms)));
}
