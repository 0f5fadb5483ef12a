import { parseDuration } from '@gleaner/contracts';
import { UsageError } from './exitCodes.ts';

/** A moment as people write it: ISO 8601, `now`, or how long ago (`2h`, `-30m`); with `+` how long from now. ISO with ms. */
export function readMoment(text: string, now: Date): string {
  if (text === 'now') return now.toISOString();
  const relative = /^([+-]?)(.+)$/.exec(text);
  const ms = parseDuration(relative?.[2] ?? '');
  if (ms !== undefined) return new Date(now.getTime() + (relative?.[1] === '+' ? ms : -ms)).toISOString();
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (!/^\d{4}-\d{2}-\d{2}T/.test(at) || Number.isNaN(Date.parse(at))) throw new UsageError(`expected a moment such as 2026-12-01T05:00:00Z, or how long ago such as 2h; saw ${JSON.stringify(text)}`);
  return new Date(at).toISOString();
}
