/** The moments of a cron expression as bit sets; one object serves every job that has the expression. */
export interface CronFields {
  /** Seconds and minutes in two halves (0–29, 30–59), because a bit set of 60 does not fit a small integer. */
  readonly secondLow: number;
  readonly secondHigh: number;
  readonly minuteLow: number;
  readonly minuteHigh: number;
  /** Bit h = hour h. */
  readonly hours: number;
  /** The hours that `*` or a step names: these run through both passes of a repeated hour. */
  readonly runningHours: number;
  /** Bit d − 1 = day d of the month. */
  readonly days: number;
  readonly daysRestricted: boolean;
  /** Bit m − 1 = month m. */
  readonly months: number;
  /** Bit w = weekday w, Sunday = 0. */
  readonly weekdays: number;
  readonly weekdaysRestricted: boolean;
}

export type ParsedCron = { readonly ok: true; readonly fields: CronFields } | { readonly ok: false; readonly reason: string };

interface FieldShape {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const shapes = {
  second: { name: 'second', min: 0, max: 59 },
  minute: { name: 'minute', min: 0, max: 59 },
  hour: { name: 'hour', min: 0, max: 23 },
  day: { name: 'day of month', min: 1, max: 31 },
  month: { name: 'month', min: 1, max: 12, names: monthNames },
  weekday: { name: 'day of week', min: 0, max: 7, names: weekdayNames },
} as const satisfies Record<string, FieldShape>;

const macros: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *', '@minutely': '* * * * *', '@secondly': '* * * * * *',
};

interface ParsedField {
  readonly values: ReadonlySet<number>;
  /** Values that `*` or a step named. */
  readonly running: ReadonlySet<number>;
  readonly restricted: boolean;
}

class CronFault extends Error {}

/**
 * Reads 5 fields (minute hour day month weekday), 6 (second first) or a macro such as `@hourly`:
 * `*`, `?`, numbers, English month and weekday names, ranges (also over the end, `fri-mon`), steps, lists; Sunday is 0 or 7.
 * Day of month and weekday, where both are given, mean either, as in Vixie's cron. Says what is allowed where it cannot.
 */
export function parseCron(expression: string): ParsedCron {
  const text = expression.trim().toLowerCase();
  const expanded = text.startsWith('@') ? macros[text] : text;
  if (expanded === undefined) return { ok: false, reason: `expected a macro out of ${Object.keys(macros).join(', ')}; saw ${JSON.stringify(expression)}` };
  const parts = expanded.split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) return { ok: false, reason: `expected 5 fields (minute hour day month weekday) or 6 (second first); saw ${parts.length} in ${JSON.stringify(expression)}` };
  const [second, minute, hour, day, month, weekday] = (parts.length === 5 ? ['0', ...parts] : parts) as [string, string, string, string, string, string];
  try {
    const fields = assemble({
      second: parseField(second, shapes.second), minute: parseField(minute, shapes.minute), hour: parseField(hour, shapes.hour),
      day: parseField(day, shapes.day), month: parseField(month, shapes.month), weekday: parseField(weekday, shapes.weekday),
    });
    return canFire(fields) ? { ok: true, fields } : { ok: false, reason: `expected an expression that fires one day; ${JSON.stringify(expression)} never does: none of its months has such a day` };
  } catch (error) {
    if (error instanceof CronFault) return { ok: false, reason: error.message };
    throw error;
  }
}

function parseField(text: string, shape: FieldShape): ParsedField {
  const values = new Set<number>();
  const running = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(?:([*?])|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:\/(\d+))?$/.exec(part);
    if (!match) throw fault(shape, part);
    const [, star, from, to, stepText] = match;
    const step = stepText === undefined ? 1 : Number(stepText);
    if (step < 1 || step > shape.max + 1 - shape.min) throw fault(shape, part);
    const first = star ? shape.min : value(from ?? '', shape, part);
    const last = star ? top(shape) : to !== undefined ? value(to, shape, part) : stepText === undefined ? first : top(shape);
    const runs = star !== undefined || stepText !== undefined;
    for (const hit of span(first, last, step, shape)) {
      values.add(hit);
      if (runs) running.add(hit);
    }
  }
  return { values, running, restricted: !/^[*?]$/.test(text) && values.size < top(shape) + 1 - shape.min };
}

/** Sunday is 0 and 7: `*` counts it once. */
const top = (shape: FieldShape): number => (shape.name === shapes.weekday.name ? 6 : shape.max);

function* span(first: number, last: number, step: number, shape: FieldShape): Generator<number> {
  const size = top(shape) + 1 - shape.min;
  const end = first <= last ? last : last + size;
  for (let at = first; at <= end; at += step) yield ((at - shape.min) % size) + shape.min;
}

function value(text: string, shape: FieldShape, part: string): number {
  const named = shape.names?.indexOf(text.slice(0, 3)) ?? -1;
  if (named >= 0 && text.length === 3) return named + (shape.min === 1 ? 1 : 0);
  if (!/^\d{1,2}$/.test(text) || Number(text) < shape.min || Number(text) > shape.max) throw fault(shape, part);
  return Number(text);
}

const fault = (shape: FieldShape, part: string): CronFault =>
  new CronFault(`expected in the field ${shape.name} numbers from ${shape.min} to ${shape.max}${shape.names ? ` or names such as ${shape.names[1]}` : ''}, with *, ranges a-b, steps */n and lists; saw ${JSON.stringify(part)}`);

function bits(values: Iterable<number>, offset: number, size: number): number {
  let set = 0;
  for (const hit of values) if (hit >= offset && hit < offset + size) set |= 1 << (hit - offset);
  return set;
}

function assemble(parsed: Record<keyof typeof shapes, ParsedField>): CronFields {
  const { second, minute, hour, day, month, weekday } = parsed;
  return {
    secondLow: bits(second.values, 0, 30), secondHigh: bits(second.values, 30, 30),
    minuteLow: bits(minute.values, 0, 30), minuteHigh: bits(minute.values, 30, 30),
    hours: bits(hour.values, 0, 24), runningHours: bits(hour.running, 0, 24),
    days: bits(day.values, 1, 31), daysRestricted: day.restricted,
    months: bits(month.values, 1, 12),
    weekdays: bits(weekday.values, 0, 7), weekdaysRestricted: weekday.restricted,
  };
}

const longestMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function canFire(fields: CronFields): boolean {
  if (fields.weekdaysRestricted) return true; // either of the two days is enough, and every month has every weekday
  return longestMonth.some((length, index) => (fields.months & (1 << index)) !== 0 && (fields.days & ((2 ** length) - 1)) !== 0);
}
