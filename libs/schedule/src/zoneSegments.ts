/** A stretch of time in which a zone's offset does not change; local = UTC + offset. All in ms. */
export interface ZoneSegment {
  readonly from: number;
  readonly until: number;
  readonly offset: number;
  /** Offset just before `from`; equal to `offset` where `from` is only the edge of what was looked at. */
  readonly before: number;
  /** Offset just after `until`, likewise. */
  readonly after: number;
}

const dayMs = 86_400_000;
/** Years are looked at with this much of their neighbours, so that the hours around a change at New Year are seen whole. */
const margin = 3 * dayMs;

const years = new Map<string, readonly ZoneSegment[]>();
const fixed: ZoneSegment = { from: -8.64e15, until: 8.64e15, offset: 0, before: 0, after: 0 };
const utcNames = new Set(['UTC', 'Etc/UTC', 'Etc/GMT', 'GMT', 'Etc/UCT', 'Etc/Zulu', 'Etc/Universal', 'Etc/Greenwich']);

/** The segment that a moment lies in; throws a RangeError for a zone that Intl does not know. */
export function zoneSegmentAt(zone: string, at: number): ZoneSegment {
  if (utcNames.has(zone)) return fixed;
  const year = new Date(at).getUTCFullYear();
  const key = `${zone} ${year}`;
  let segments = years.get(key);
  if (segments === undefined) {
    if (years.size > 5_000) years.clear(); // bounded however many zones and years are asked for
    segments = segmentsOf(zone, Date.UTC(year, 0, 1) - margin, Date.UTC(year + 1, 0, 1) + margin);
    years.set(key, segments);
  }
  return segments.find((segment) => at >= segment.from && at < segment.until) ?? fixed;
}

function segmentsOf(zone: string, from: number, until: number): readonly ZoneSegment[] {
  const offsetAt = offsetReader(zone);
  const changes: { at: number; to: number }[] = [];
  let known = offsetAt(from);
  const first = known;
  for (let at = from; at < until; at += dayMs) {
    const next = Math.min(at + dayMs, until);
    const offset = offsetAt(next);
    if (offset === known) continue;
    let low = at;
    let high = next;
    while (high - low > 1_000) {
      const middle = Math.floor((low + high) / 2_000) * 1_000;
      if (offsetAt(middle) === known) low = middle; else high = middle;
    }
    changes.push({ at: high, to: offset });
    known = offset;
  }
  const segments: ZoneSegment[] = [];
  let start = from;
  let before = first;
  let offset = first;
  for (const { at, to } of changes) {
    segments.push({ from: start, until: at, offset, before, after: to });
    start = at;
    before = offset;
    offset = to;
  }
  return [...segments, { from: start, until, offset, before, after: offset }];
}

/** Intl is slow (about 2 µs an offset), so it is asked only when a year's table is made, and its formatter (tens of KB) is let go. */
function offsetReader(zone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  return (at) => {
    const whole = Math.floor(at / 1_000) * 1_000;
    const match = /(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)/.exec(format.format(whole));
    if (!match) throw new RangeError(`expected a date that Intl can write in ${zone}; saw ${new Date(whole).toISOString()}`);
    const [, month, day, year, hour, minute, second] = match.map(Number) as [number, number, number, number, number, number, number];
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  };
}
