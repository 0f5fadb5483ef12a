import { describe, expect, it } from '@jest/globals';
import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import { scheduleSchema } from '@gleaner/contracts';
import { compileSchedule } from './compileSchedule.ts';
import { parseCron } from './parseCron.ts';

const firesOf = (cron: string, after: string, count: number): string[] => {
  const compiled = compileSchedule(scheduleSchema.parse({ cron }));
  const fires: string[] = [];
  for (let at = compiled.next(Date.parse(after)); at !== undefined && fires.length < count; at = compiled.next(at)) fires.push(new Date(at).toISOString());
  return fires;
};

describe('parseCron', () => {
  it.each([
    ['20,25 5 * * *', '2026-01-01T00:00:00Z', ['2026-01-01T05:20:00.000Z', '2026-01-01T05:25:00.000Z', '2026-01-02T05:20:00.000Z']],
    ['*/20 30 5 * * *', '2026-01-01T00:00:00Z', ['2026-01-01T05:30:00.000Z', '2026-01-01T05:30:20.000Z', '2026-01-01T05:30:40.000Z']],
    ['0 0 * JAN,jul mon', '2026-01-20T00:00:00Z', ['2026-01-26T00:00:00.000Z', '2026-07-06T00:00:00.000Z', '2026-07-13T00:00:00.000Z']],
    ['0 0 * * 7', '2026-01-01T00:00:00Z', ['2026-01-04T00:00:00.000Z', '2026-01-11T00:00:00.000Z', '2026-01-18T00:00:00.000Z']],
    ['0 0 * * fri-mon', '2026-01-01T00:00:00Z', ['2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z', '2026-01-04T00:00:00.000Z']],
    ['0 22-1 * * *', '2026-01-01T00:00:00Z', ['2026-01-01T01:00:00.000Z', '2026-01-01T22:00:00.000Z', '2026-01-01T23:00:00.000Z']],
    ['0 0 13 * 5', '2026-02-01T00:00:00Z', ['2026-02-06T00:00:00.000Z', '2026-02-13T00:00:00.000Z', '2026-02-20T00:00:00.000Z']],
    ['0 0 29 2 *', '2097-01-01T00:00:00Z', ['2104-02-29T00:00:00.000Z', '2108-02-29T00:00:00.000Z', '2112-02-29T00:00:00.000Z']],
    ['@hourly', '2026-01-01T00:00:00Z', ['2026-01-01T01:00:00.000Z', '2026-01-01T02:00:00.000Z', '2026-01-01T03:00:00.000Z']],
    ['@weekly', '2026-01-01T00:00:00Z', ['2026-01-04T00:00:00.000Z', '2026-01-11T00:00:00.000Z', '2026-01-18T00:00:00.000Z']],
    ['5/25 * * * *', '2026-01-01T00:00:00Z', ['2026-01-01T00:05:00.000Z', '2026-01-01T00:30:00.000Z', '2026-01-01T00:55:00.000Z']],
  ])('%s', (cron, after, expected) => {
    expect(firesOf(cron, after, 3)).toEqual(expected);
  });

  it.each([
    ['* * * *', /5 fields .* saw 4/],
    ['* * * * * * *', /saw 7/],
    ['60 * * * *', /minute numbers from 0 to 59.*"60"/],
    ['* 24 * * *', /hour numbers from 0 to 23/],
    ['* * 0 * *', /day of month numbers from 1 to 31/],
    ['* * * 13 *', /month numbers from 1 to 12 or names such as feb/],
    ['* * * * 8', /day of week numbers from 0 to 7 or names such as mon/],
    ['*/0 * * * *', /"\*\/0"/],
    ['a * * * *', /"a"/],
    ['1,,2 * * * *', /""/],
    ['-5 * * * *', /"-5"/],
    ['@often', /expected a macro out of @yearly/],
    ['', /saw 1/],
    ['0 0 31 2 *', /never does/],
    ['0 0 30,31 feb *', /never does/],
    ['0 0 31 4,6,9,11 *', /never does/],
  ])('refuses %s and says what is allowed', (cron, reason) => {
    const parsed = parseCron(cron);
    expect(parsed.ok ? 'accepted' : parsed.reason).toMatch(reason);
  });

  it('agrees with cron-parser on random expressions', () => {
    const value = (min: number, max: number) => fc.integer({ min, max }).map(String);
    const range = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
    const field = (min: number, max: number) => fc.oneof(
      { weight: 3, arbitrary: fc.constant('*') }, fc.array(value(min, max), { minLength: 1, maxLength: 4 }).map((list) => [...new Set(list)].join(',')), range(min, max),
      fc.integer({ min: 2, max: Math.max(2, Math.floor((max - min) / 2)) }).map((step) => `*/${step}`), fc.tuple(range(min, max), fc.integer({ min: 2, max: 5 })).map(([span, step]) => `${span}/${step}`));
    // A full range of days ("1-31") counts as restricted there and as `*` here; both days restricted by steps likewise: left out.
    const expression = fc.tuple(field(0, 59), field(0, 59), field(0, 23), field(1, 28), field(1, 12), fc.oneof(fc.constant('*'), value(0, 6))).map((fields) => fields.join(' '));
    fc.assert(fc.property(expression, fc.date({ min: new Date('2000-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }), (cron, after) => {
      const theirs = CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: after });
      expect(firesOf(cron, after.toISOString(), 4)).toEqual([1, 2, 3, 4].map(() => theirs.next().toISOString()));
    }), { numRuns: 400 });
  });
});
