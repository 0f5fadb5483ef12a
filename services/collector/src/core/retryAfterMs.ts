const longest = 86_400_000;
const seconds = /^\d+(\.\d+)?$/;
/** `Sat, 21 Nov 2026 05:21:00 GMT`, `Saturday, 21-Nov-26 05:21:00 GMT`, and ISO 8601, which some send. */
const date = /^((mon|tue|wed|thu|fri|sat|sun)[a-z]*, ?\d{1,2}[ -][a-z]{3}[ -]\d{2,4} \d{2}:\d{2}:\d{2} (gmt|utc)|\d{4}-\d{2}-\d{2}t\d{2}:\d{2}(:\d{2}(\.\d+)?)?(z|[+-]\d{2}:?\d{2}))$/i;

/** Milliseconds that a `Retry-After` header asks for (seconds or a date), at most a day; undefined where it says nothing that can be meant: anything else, a date that is over. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  const ms = seconds.test(text) ? Number(text) * 1000 : date.test(text) ? Date.parse(text) - now : Number.NaN;
  return ms >= 0 ? Math.min(longest, Math.round(ms)) : undefined;
}
