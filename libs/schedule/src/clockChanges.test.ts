import { describe, expect, it } from '@jest/globals';
import { scheduleSchema } from '@gleaner/contracts';
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

  it('runs through New Year with a change close to it', () => {
    // Apia lost 30 December 2011; Samoa's clocks stood at UTC+14 over New Year.
    const compiled = compileSchedule(scheduleSchema.parse({ cron: '0 0 1 1 *', timezone: 'Pacific/Apia' }));
    expect(minute(compiled.next(Date.parse('2011-12-30T00:00:00Z')) ?? 0)).toBe('2011-12-31T10:00Z');
  });
});
