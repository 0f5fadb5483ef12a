/**
 * Writes a moment (Unix ms) as `iso`, `unix` (seconds), `ms`, or by a pattern of yyyy MM dd HH mm ss SSS with an IANA time zone after it (default UTC);
 * undefined where the pattern or the zone is none.
 */
export function formatMoment(ms: number, format: string): string | undefined {
  if (Number.isNaN(ms)) return undefined;
  if (format === 'iso') return new Date(ms).toISOString();
  if (format === 'unix') return String(Math.floor(ms / 1000));
  if (format === 'ms') return String(ms);
  // The last word is a zone, but not where it is a part of the pattern: `yyyy-MM-dd HH`.
  const match = /^(.*?)(?:\s+(?!(?:yyyy|MM|dd|HH|mm|ss|SSS|[T/_+-])+$)([A-Z][A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)*))?$/.exec(format);
  const [, pattern = '', zone = 'UTC'] = match ?? [];
  if (!/yyyy|MM|dd|HH|mm|ss|SSS/.test(pattern)) return undefined;
  const parts = partsIn(ms, zone);
  return parts && pattern.replaceAll(/yyyy|MM|dd|HH|mm|ss|SSS/g, (token) => parts[token] ?? token);
}

function partsIn(ms: number, zone: string): Readonly<Record<string, string>> | undefined {
  try {
    const wanted = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
    const parts = new Map(new Intl.DateTimeFormat('en', { timeZone: zone, ...wanted }).formatToParts(ms).map(({ type, value }) => [type, value]));
    const part = (name: Intl.DateTimeFormatPartTypes): string => parts.get(name) ?? '';
    const millis = String(((ms % 1000) + 1000) % 1000).padStart(3, '0');
    return { yyyy: part('year').padStart(4, '0'), MM: part('month'), dd: part('day'), HH: part('hour'), mm: part('minute'), ss: part('second'), SSS: millis };
  } catch {
    return undefined; // Intl throws a RangeError for a zone it does not know: that is the answer.
  }
}
