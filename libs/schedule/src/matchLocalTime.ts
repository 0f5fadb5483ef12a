import type { CronFields } from './parseCron.ts';

const dayMs = 86_400_000;

/** Index of the first bit at or above `from`, or -1. `set` has at most 31 bits. */
function nextBit(set: number, from: number): number {
  if (from > 30) return -1;
  const rest = set >>> from;
  return rest === 0 ? -1 : from + 31 - Math.clz32(rest & -rest);
}

function nextOfSixty(low: number, high: number, from: number): number {
  if (from < 30) {
    const hit = nextBit(low, from);
    if (hit >= 0) return hit;
  }
  const hit = nextBit(high, Math.max(0, from - 30));
  return hit < 0 || from > 59 ? -1 : hit + 30;
}

/** Seconds of the day at or after `from` (0–86,399) at which the expression fires, or -1. */
function nextSecondOfDay(fields: CronFields, from: number): number {
  let hour = Math.floor(from / 3_600);
  let minute = Math.floor(from / 60) % 60;
  let second = from % 60;
  for (let atHour = nextBit(fields.hours, hour); atHour >= 0; atHour = nextBit(fields.hours, atHour + 1)) {
    if (atHour > hour) { hour = atHour; minute = 0; second = 0; }
    for (let atMinute = nextOfSixty(fields.minuteLow, fields.minuteHigh, minute); atMinute >= 0; atMinute = nextOfSixty(fields.minuteLow, fields.minuteHigh, atMinute + 1)) {
      if (atMinute > minute) { minute = atMinute; second = 0; }
      const atSecond = nextOfSixty(fields.secondLow, fields.secondHigh, second);
      if (atSecond >= 0) return atHour * 3_600 + atMinute * 60 + atSecond;
    }
  }
  return -1;
}

/** True where the expression fires on this day (days since 1970-01-01 of the proleptic Gregorian calendar). */
function dayMatches(fields: CronFields, day: number): boolean {
  // Days to civil date after Howard Hinnant: no Date object for each of up to thousands of days looked at.
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10; // 0 = January
  if ((fields.months & (1 << month)) === 0) return false;
  const dayOfMonth = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5);
  const byDay = (fields.days & (1 << dayOfMonth)) !== 0;
  const weekday = (((day + 4) % 7) + 7) % 7;
  const byWeekday = (fields.weekdays & (1 << weekday)) !== 0;
  return fields.daysRestricted && fields.weekdaysRestricted ? byDay || byWeekday : byDay && byWeekday;
}

/** The first local time at or after `from` and before `limit` at which the expression fires (local times as if they were UTC, ms), or undefined. */
export function nextLocalTime(fields: CronFields, from: number, limit: number): number | undefined {
  let day = Math.floor(from / dayMs);
  let second = Math.ceil((from - day * dayMs) / 1_000);
  for (; day * dayMs < limit; day += 1, second = 0) {
    if (second > 86_399 || !dayMatches(fields, day)) continue;
    const hit = nextSecondOfDay(fields, second);
    if (hit < 0) continue;
    const at = day * dayMs + hit * 1_000;
    return at < limit ? at : undefined;
  }
  return undefined;
}

const bitsOf = (set: number): number => { let rest = set; let bits = 0; while (rest !== 0) { rest &= rest - 1; bits += 1; } return bits; };
/** How many bits of `set` lie below `end`. */
const bitsBelow = (set: number, end: number): number => (end > 30 ? bitsOf(set) : bitsOf(set & ((1 << end) - 1)));
const ofSixtyBelow = (low: number, high: number, end: number): number => (end <= 30 ? bitsBelow(low, end) : bitsOf(low) + bitsBelow(high, end - 30));

/** How many times the expression fires before this second of a day (0–86,400) on which it does. */
function firesBefore(fields: CronFields, second: number): number {
  const [hour, minute] = [Math.floor(second / 3_600), Math.floor(second / 60) % 60];
  const aMinute = bitsOf(fields.secondLow) + bitsOf(fields.secondHigh);
  const anHour = (bitsOf(fields.minuteLow) + bitsOf(fields.minuteHigh)) * aMinute;
  const inMinute = has(fields.minuteLow, fields.minuteHigh, minute) ? ofSixtyBelow(fields.secondLow, fields.secondHigh, second % 60) : 0;
  const inHour = hour < 24 && (fields.hours & (1 << hour)) !== 0 ? ofSixtyBelow(fields.minuteLow, fields.minuteHigh, minute) * aMinute + inMinute : 0;
  return bitsBelow(fields.hours, hour) * anHour + inHour;
}

const has = (low: number, high: number, value: number): boolean => (value < 30 ? low & (1 << value) : high & (1 << (value - 30))) !== 0;

/** At how many local times from `from` and before `until` (ms) the expression fires, a day at a time. */
export function countLocalTimes(fields: CronFields, from: number, until: number): number {
  const [first, end] = [Math.ceil(from / 1_000), Math.ceil(until / 1_000)];
  const daySeconds = dayMs / 1_000;
  let count = 0;
  for (let day = Math.floor(first / daySeconds); day * daySeconds < end; day += 1) {
    if (!dayMatches(fields, day)) continue;
    const start = day * daySeconds;
    count += firesBefore(fields, Math.min(end - start, daySeconds)) - (first > start ? firesBefore(fields, first - start) : 0);
  }
  return count;
}

/** True where `*` or a step names the hour of this local time. */
export const isRunningHour = (fields: CronFields, local: number): boolean => (fields.runningHours & (1 << Math.floor((((local % dayMs) + dayMs) % dayMs) / 3_600_000))) !== 0;
