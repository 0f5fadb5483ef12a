import { describe, expect, it } from '@jest/globals';
import { scheduleSchema } from '@gleaner/contracts';
import fc from 'fast-check';
import { clockChangeCases } from './clockChangeCases.ts';
import { compileSchedule } from './compileSchedule.ts';
import { nextFires } from './nextFires.ts';

const minute = (at: number): string => `${new Date(at).toISOString().slice(0, 16)}Z`;

describe('clock changes', () => {
  it.each(clockChangeCases)('$zone: $name ($cron, gap $gap, fold $fold)', ({ zone, cron, gap, fold, from, until, fires }) => {
    const compiled = compileSchedule(scheduleSchema.parse({ cron, timezone: zone, dst: { gap, fold } }));
    const seen: string[] = [];
    for (let at = compiled.next(Date.parse(from)); at !== undefined && at <= Date.parse(until); at = compiled.next(at)) seen.push(minute(at));
    expect(seen).toEqual(fires);
    expect(compiled.count(Date.parse(from), Date.parse(until))).toBe(fires.length);
    expect(compiled.last(Date.parse(from), Date.parse(until))).toBe(fires.length === 0 ? undefined : Date.parse(fires.at(-1) ?? ''));
  });

  it('marks the fires that a change touches', () => {
    const kyiv = (cron: string, after: string) => nextFires(scheduleSchema.parse({ cron, timezone: 'Europe/Kyiv' }), { after: new Date(after), count: 2, jobId: 'j' }).map(({ at, note }) => [minute(at.getTime()), note]);
    expect(kyiv('30 3 * * *', '2026-03-28T12:00:00Z')).toEqual([['2026-03-29T01:30Z', 'gap'], ['2026-03-30T00:30Z', undefined]]);
    expect(kyiv('30 3 * * *', '2026-10-24T12:00:00Z')).toEqual([['2026-10-25T00:30Z', 'fold'], ['2026-10-26T01:30Z', undefined]]);
    expect(kyiv('30 3,4 * * *', '2026-03-28T12:00:00Z')[0]).toEqual(['2026-03-29T01:30Z', undefined]); // 04:30 would have been there anyway
  });

  it('counts what it walks, alone and in a list, around any of them', () => {
    const of = (most: number) => fc.uniqueArray(fc.integer({ min: 0, max: most }), { minLength: 1, maxLength: 3 }).map((values) => values.join(','));
    const cron = fc.tuple(of(59), fc.oneof(fc.constant('*'), of(59)), fc.oneof(fc.integer({ min: 1, max: 6 }).map((step) => `*/${step}`), of(23))).map(([second, minute, hour]) => `${second} ${minute} ${hour} * * *`);
    const days = ['2026-03-27', '2026-10-23', '2026-10-30', '2026-10-02', '2011-12-28', '2026-02-13', '2025-12-30'].map((day) => Date.parse(day));
    fc.assert(fc.property(
      fc.array(fc.oneof(cron.map((text) => ({ cron: text })), fc.integer({ min: 300, max: 9_000 }).map((seconds) => ({ every: `${seconds}s` }))), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...new Set(clockChangeCases.map(({ zone }) => zone))), fc.record({ gap: fc.constantFrom('shift', 'skip'), fold: fc.constantFrom('first', 'second', 'both') } as const),
      fc.constantFrom(...days), fc.integer({ min: 0, max: 86_400_000 }), fc.integer({ min: 0, max: 4 * 86_400_000 }),
      (any, timezone, dst, day, offset, length) => {
        const compiled = compileSchedule(scheduleSchema.parse({ any, timezone, dst }));
        const from = day + offset;
        let walked = 0;
        for (let moment = compiled.next(from); moment !== undefined && moment <= from + length; moment = compiled.next(moment)) walked += 1;
        expect(compiled.count(from, from + length)).toBe(walked);
      }), { numRuns: 150 });
  });

  it('runs through New Year with a change close to it', () => {
    // Apia lost 30 December 2011; Samoa's clocks stood at UTC+14 over New Year.
    const compiled = compileSchedule(scheduleSchema.parse({ cron: '0 0 1 1 *', timezone: 'Pacific/Apia' }));
    expect(minute(compiled.next(Date.parse('2011-12-30T00:00:00Z')) ?? 0)).toBe('2011-12-31T10:00Z');
  });
});
