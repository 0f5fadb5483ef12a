import { z } from 'zod';
import { parseDuration } from './units.ts';

/** A duration as people write it (`90s`, `1h30m`) or in milliseconds; read as milliseconds. */
export const duration = ({ min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {}) =>
  z
    .union([z.string(), z.number()])
    .transform((value, context) => {
      const ms = parseDuration(value);
      if (ms === undefined) context.addIssue({ code: 'custom', message: `expected a duration such as 30s, 10m, 1h30m or 2d, or whole milliseconds; saw ${JSON.stringify(value)}`, params: { code: 'bad_duration' } });
      else if (ms < min) context.addIssue({ code: 'custom', message: `expected at least ${min} ms; saw ${JSON.stringify(value)}`, params: { code: 'too_short' } });
      else if (ms > max) context.addIssue({ code: 'custom', message: `expected at most ${max} ms; saw ${JSON.stringify(value)}`, params: { code: 'too_long' } });
      return ms ?? 0;
    });

/** A moment: ISO 8601 with its offset; kept as ISO in UTC with milliseconds. */
export const moment = z.string().transform((value, context) => {
  const ms = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) {
    context.addIssue({ code: 'custom', message: `expected a moment such as 2026-12-01T05:00:00Z; saw ${JSON.stringify(value)}`, params: { code: 'bad_moment' } });
    return value;
  }
  return new Date(ms).toISOString();
});

export const jobId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected lower-case letters, digits and dashes, beginning with a letter or digit, 63 at most');

const afterOutcomes = ['changed', 'succeeded', 'failed'] as const;

const everyTrigger = z.strictObject({ every: duration({ min: 1_000 }) });
const cronTrigger = z.strictObject({ cron: z.string().min(1).max(200) });
const atTrigger = z.strictObject({ at: moment });
const afterTrigger = z.strictObject({ after: z.strictObject({ job: jobId, on: z.enum(afterOutcomes).default('changed') }) });
const triggerSchema = z.union([everyTrigger, cronTrigger, atTrigger, afterTrigger]);

export type AfterTrigger = z.output<typeof afterTrigger>;
export type Trigger = z.output<typeof triggerSchema>;

const timezone = z.string().refine((zone) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone.length > 0 && !/^[+-]/.test(zone);
  } catch {
    return false; // Intl throws a RangeError for a zone it does not know: that is the answer.
  }
}, { error: ({ input }) => `expected an IANA time zone such as Europe/Kyiv or UTC; saw ${JSON.stringify(input)}`, params: { code: 'unknown_timezone' } });

/** When a job fires: one trigger or a list of them (`any`), none = on demand only, and what is done about clashes and outages. */
export const scheduleSchema = z
  .strictObject({
    every: everyTrigger.shape.every.optional(),
    cron: cronTrigger.shape.cron.optional(),
    at: atTrigger.shape.at.optional(),
    after: afterTrigger.shape.after.optional(),
    any: z.array(triggerSchema).min(1).max(50).optional(),
    timezone: timezone.default('UTC'),
    start: moment.optional(),
    end: moment.optional(),
    jitter: duration({ max: 86_400_000 }).default(0),
    dst: z.strictObject({ gap: z.enum(['shift', 'skip']).default('shift'), fold: z.enum(['first', 'second', 'both']).default('first') }).prefault({}),
    overlap: z.enum(['skip', 'queue', 'cancel', 'allow']).default('skip'),
    misfire: z.enum(['latest', 'all', 'none']).default('latest'),
    grace: duration().default(86_400_000),
    expires: duration({ min: 1_000 }).optional(),
  })
  .superRefine((schedule, context) => {
    const given = (['every', 'cron', 'at', 'after', 'any'] as const).filter((name) => schedule[name] !== undefined);
    if (given.length > 1) context.addIssue({ code: 'custom', path: [given[1] ?? 'any'], message: `expected one of every, cron, at, after, any; saw ${given.join(' and ')}; use any: [ … ] for several`, params: { code: 'several_triggers' } });
  }, { when: ({ value }) => typeof value === 'object' && value !== null }) // told beside what is wrong with one of them
  .superRefine((schedule, context) => {
    if (schedule.start !== undefined && schedule.end !== undefined && schedule.end <= schedule.start)
      context.addIssue({ code: 'custom', path: ['end'], message: `expected a moment after start (${schedule.start}); saw ${schedule.end}`, params: { code: 'end_before_start' } });
  });
export type Schedule = z.output<typeof scheduleSchema>;

/** The triggers of a schedule as a list, whichever way they were written; empty = on demand only. */
export function triggersOf(schedule: Schedule): Trigger[] {
  if (schedule.any) return schedule.any;
  if (schedule.every !== undefined) return [{ every: schedule.every }];
  if (schedule.cron !== undefined) return [{ cron: schedule.cron }];
  if (schedule.at !== undefined) return [{ at: schedule.at }];
  if (schedule.after !== undefined) return [{ after: schedule.after }];
  return [];
}
