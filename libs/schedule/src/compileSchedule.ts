import { triggersOf, type Schedule, type Trigger } from '@gleaner/contracts';
import { countCronTimes, cronNote, nextCronTime, type CronTimes } from './cronTimes.ts';
import { parseCron, type CronFields } from './parseCron.ts';

/** The moments of a schedule, ready to be asked; shared by all jobs whose triggers are equal. Times in ms. */
export interface CompiledSchedule {
  /** The first fire strictly after a moment, or undefined where none comes. */
  next(after: number): number | undefined;
  /** How many fires lie in (after, until]; two at one instant are one. Cheap for a year of seconds, but for a list of several dense triggers. */
  count(after: number, until: number): number;
  /** The last moment, `until` at most, up to which fires after `after` can be counted in a fraction of a second. */
  countableUntil(after: number, until: number): number;
  /** The last fire in (after, until], or undefined. */
  last(after: number, until: number): number | undefined;
  note(at: number): 'gap' | 'fold' | undefined;
}

interface Moments {
  next(after: number): number | undefined;
  count(after: number, until: number): number;
  has(at: number): boolean;
  /** Fires at each multiple of this since its anchor, ms; undefined for what has no such period. */
  readonly period?: number;
  /** Fires at whole seconds only. */
  readonly onSeconds: boolean;
  note?(at: number): 'gap' | 'fold' | undefined;
}

const cache = new Map<string, CompiledSchedule>();
/** A schedule object that was seen before is not even written out to be looked up. */
const seen = new WeakMap<Schedule, CompiledSchedule>();
const cronCache = new Map<string, CronFields>();
const cacheSize = 20_000;
/** Fires that one count looks at one by one: a fraction of a second's work. */
const mostWalked = 50_000;

/** Compiles the time triggers of a schedule (`after` has no moments of its own). Throws for a cron expression that `validateSchedule` refuses. */
export function compileSchedule(schedule: Schedule): CompiledSchedule {
  const known = seen.get(schedule);
  if (known) return known;
  const compiled = byContent(schedule);
  seen.set(schedule, compiled);
  return compiled;
}

function byContent(schedule: Schedule): CompiledSchedule {
  const { timezone, start, end, dst } = schedule;
  const triggers = triggersOf(schedule).filter((trigger) => !('after' in trigger));
  const key = JSON.stringify([triggers, timezone, start, end, dst.gap, dst.fold]);
  const known = cache.get(key);
  if (known) return known;
  const compiled = compile(triggers, schedule);
  // Bounded by starting over: with more distinct schedules than this, sharing is not what saves the memory.
  if (cache.size >= cacheSize) cache.clear();
  cache.set(key, compiled);
  return compiled;
}

function compile(triggers: readonly Trigger[], { timezone, start, end, dst }: Schedule): CompiledSchedule {
  const from = start === undefined ? Number.NEGATIVE_INFINITY : Date.parse(start);
  const until = end === undefined ? Number.POSITIVE_INFINITY : Date.parse(end);
  const anchor = start === undefined ? 0 : Date.parse(start);
  const parts = triggers.map((trigger): Moments => momentsOf(trigger, { anchor, timezone, dst }));

  const next = (after: number): number | undefined => {
    const low = Math.max(after, from - 1); // a fire at `start` itself counts, and so does one at `end`
    let first = Number.POSITIVE_INFINITY;
    for (const part of parts) first = Math.min(first, part.next(low) ?? Number.POSITIVE_INFINITY);
    return first <= until && Number.isFinite(first) ? first : undefined;
  };
  // What another trigger of the list fires anyway need not be counted.
  const counted = parts.filter((part, index) => !parts.some((other, at) => at !== index && covers(other, part) && !(at > index && covers(part, other))));
  const bounds = (after: number, through: number): readonly [number, number] => [Math.max(after, from - 1), Math.min(through, until)];
  /** Densest first: it is counted by arithmetic, and of the others, one by one, what those before do not fire. */
  const byDensity = (low: number, high: number) => counted.map((part) => ({ part, hits: part.count(low, high) })).sort((a, b) => b.hits - a.hits);
  const count = (after: number, through: number): number => {
    const [low, high] = bounds(after, through);
    if (high <= low) return 0;
    const [densest, ...rest] = byDensity(low, high);
    let hits = densest?.hits ?? 0;
    const before = densest ? [densest.part] : [];
    for (const { part } of rest) {
      for (let at = part.next(low); at !== undefined && at <= high; at = part.next(at)) {
        const moment = at;
        if (!before.some((other) => other.has(moment))) hits += 1;
      }
      before.push(part);
    }
    return hits;
  };
  const countableUntil = (after: number, through: number): number => {
    const [low, high] = bounds(after, through);
    for (let reach = high; ; reach = Math.floor(low + (reach - low) / 4)) {
      const walked = reach <= low ? 0 : byDensity(low, reach).reduce((sum, { hits }, index) => sum + hits * index, 0);
      if (walked <= mostWalked) return reach === high ? through : Math.max(reach, low + 1);
    }
  };
  const last = (after: number, through: number): number | undefined => {
    // Doubling steps back from the end: a fire is usually near it.
    for (let span = 60_000; ; span *= 4) {
      const low = Math.max(after, through - span);
      let hit: number | undefined;
      for (let at = next(low); at !== undefined && at <= through; at = next(at)) hit = at;
      if (hit !== undefined || low <= after) return hit;
    }
  };
  return {
    next, count, countableUntil, last,
    note: (at) => {
      for (const part of parts) if (part.note && part.has(at)) { const note = part.note(at); if (note) return note; }
      return undefined;
    },
  };
}

function momentsOf(trigger: Trigger, { anchor, timezone, dst }: { anchor: number; timezone: string; dst: Schedule['dst'] }): Moments {
  if ('every' in trigger) {
    const { every } = trigger;
    return {
      next: (after) => anchor + (Math.floor((after - anchor) / every) + 1) * every,
      count: (after, until) => Math.floor((until - anchor) / every) - Math.floor((after - anchor) / every),
      has: (at) => (at - anchor) % every === 0,
      period: every, onSeconds: every % 1_000 === 0 && anchor % 1_000 === 0,
    };
  }
  if ('cron' in trigger) {
    const times: CronTimes = { fields: cronFields(trigger.cron), zone: timezone, dst };
    return {
      next: (after) => nextCronTime(times, after), count: (after, until) => countCronTimes(times, after, until), has: (at) => nextCronTime(times, at - 1) === at, note: (at) => cronNote(times, at),
      onSeconds: true,
    };
  }
  const at = 'at' in trigger ? Date.parse(trigger.at) : Number.NaN;
  return { next: (after) => (at > after ? at : undefined), count: (after, until) => (at > after && at <= until ? 1 : 0), has: (moment) => moment === at, onSeconds: at % 1_000 === 0 };
}

/** True where every fire of `inner` is one of `outer`: all triggers of a schedule have one anchor. */
const covers = (outer: Moments, inner: Moments): boolean =>
  outer.period !== undefined && ((outer.period === 1_000 && outer.onSeconds && inner.onSeconds) || (inner.period !== undefined && inner.period % outer.period === 0));

function cronFields(expression: string): CronFields {
  const known = cronCache.get(expression);
  if (known) return known;
  const parsed = parseCron(expression);
  if (!parsed.ok) throw new RangeError(parsed.reason);
  if (cronCache.size >= cacheSize) cronCache.clear();
  cronCache.set(expression, parsed.fields);
  return parsed.fields;
}
