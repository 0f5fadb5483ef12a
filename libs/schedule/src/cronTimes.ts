import type { Schedule } from '@gleaner/contracts';
import { countLocalTimes, isRunningHour, nextLocalTime } from './matchLocalTime.ts';
import type { CronFields } from './parseCron.ts';
import { zoneSegmentAt, type ZoneSegment } from './zoneSegments.ts';

/** What is done about local times that a day has not (gap) or has twice (fold). */
export type DstPolicy = Schedule['dst'];

export interface CronTimes {
  readonly fields: CronFields;
  readonly zone: string;
  readonly dst: DstPolicy;
}

const dayMs = 86_400_000;
/** 29 February at its rarest (1896 → 1904, 2096 → 2104), and a bit. */
const horizon = 9 * 366 * dayMs;

/**
 * The first fire after `after` (ms), or undefined where there is none for nine years.
 * Within a stretch of one offset local times are matched as they are; what the stretch's edges do to them is the DST policy.
 */
export function nextCronTime({ fields, zone, dst }: CronTimes, after: number): number | undefined {
  let at = Math.floor(after / 1_000) * 1_000 + 1_000;
  const limit = at + horizon;
  while (at < limit) {
    const segment = zoneSegmentAt(zone, at);
    const until = Math.min(segment.until, limit);
    const own = nextOwn({ fields, dst, segment, at, until });
    const shifted = dst.gap === 'shift' ? nextShifted(fields, segment, at) : undefined;
    if (own !== undefined || shifted !== undefined) return Math.min(own ?? Number.POSITIVE_INFINITY, shifted ?? Number.POSITIVE_INFINITY);
    at = until;
  }
  return undefined;
}

/** A fire at a local time of the segment itself, minding local times that come twice. */
function nextOwn({ fields, dst, segment, at, until }: { fields: CronFields; dst: DstPolicy; segment: ZoneSegment; at: number; until: number }): number | undefined {
  const { offset } = segment;
  const end = until + offset;
  for (let local = nextLocalTime(fields, at + offset, end); local !== undefined; local = nextLocalTime(fields, local + 1_000, end)) {
    if (isWanted({ fields, dst, segment, local })) return local - offset;
  }
  return undefined;
}

/** Local times of the gap at the segment's beginning, moved by the gap's length: 02:30 becomes 03:30. */
function nextShifted(fields: CronFields, { from, offset, before }: ZoneSegment, at: number): number | undefined {
  if (before >= offset || at >= from + offset - before) return undefined;
  const local = nextLocalTime(fields, at + before, from + offset);
  return local === undefined ? undefined : local - before;
}

const passOf = (segment: ZoneSegment, local: number): 'first' | 'second' | undefined => {
  if (segment.after < segment.offset && local >= segment.until + segment.after) return 'first';
  if (segment.before > segment.offset && local < segment.from + segment.before) return 'second';
  return undefined;
};

function isWanted({ fields, dst, segment, local }: { fields: CronFields; dst: DstPolicy; segment: ZoneSegment; local: number }): boolean {
  const pass = passOf(segment, local);
  return pass === undefined || dst.fold === 'both' || dst.fold === pass || isRunningHour(fields, local);
}

/** What a person should know about a fire: it was moved out of a gap, or its local time comes twice that day. */
export function cronNote({ fields, zone }: CronTimes, at: number): 'gap' | 'fold' | undefined {
  const segment = zoneSegmentAt(zone, at);
  if (passOf(segment, at + segment.offset) !== undefined) return 'fold';
  return nextShifted(fields, segment, at) === at && nextLocalTime(fields, at + segment.offset, at + segment.offset + 1_000) === undefined ? 'gap' : undefined;
}

/** How many fires lie in (after, until], counted by arithmetic where no clock change is near. */
export function countCronTimes(times: CronTimes, after: number, until: number): number {
  let count = 0;
  let at = after;
  while (at < until) {
    const segment = zoneSegmentAt(times.zone, at + 1);
    const safeFrom = segment.before === segment.offset ? segment.from : segment.from + Math.abs(segment.before - segment.offset);
    const safeUntil = segment.after === segment.offset ? segment.until : segment.until - Math.abs(segment.after - segment.offset);
    const from = Math.max(at + 1, safeFrom);
    const end = Math.min(until + 1, safeUntil);
    if (end > from) {
      count += countOneByOne(times, at, from - 1) + countLocalTimes(times.fields, from + segment.offset, end + segment.offset);
      at = end - 1;
    } else {
      const edge = Math.min(until, Math.max(segment.until, at + 1));
      count += countOneByOne(times, at, edge);
      at = edge;
    }
  }
  return count;
}

function countOneByOne(times: CronTimes, after: number, until: number): number {
  let count = 0;
  for (let at = nextCronTime(times, after); at !== undefined && at <= until; at = nextCronTime(times, at)) count += 1;
  return count;
}
