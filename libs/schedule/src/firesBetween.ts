import type { Schedule } from '@gleaner/contracts';
import { compileSchedule } from './compileSchedule.ts';

/** The fires from `from` to `to`, both inclusive, oldest first; `more` where there are over `limit`. For backfills. */
export function firesBetween(schedule: Schedule, { from, to, limit }: { readonly from: Date; readonly to: Date; readonly limit: number }): { readonly fires: readonly Date[]; readonly more: boolean } {
  const compiled = compileSchedule(schedule);
  const fires: Date[] = [];
  for (let at = compiled.next(from.getTime() - 1); at !== undefined && at <= to.getTime(); at = compiled.next(at)) {
    if (fires.length >= limit) return { fires, more: true };
    fires.push(new Date(at));
  }
  return { fires, more: false };
}
