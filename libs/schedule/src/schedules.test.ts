import { describe, expect, it } from '@jest/globals';
import { scheduleSchema, type Schedule } from '@gleaner/contracts';
import { findAfterCycle } from './findAfterCycle.ts';
import { firesBetween } from './firesBetween.ts';
import { jitterOf } from './jitterOf.ts';
import { nextFires } from './nextFires.ts';
import { validateSchedule } from './validateSchedule.ts';

const schedule = (input: object): Schedule => scheduleSchema.parse(input);
const at = (input: object, after: string, count = 3): string[] => nextFires(schedule(input), { after: new Date(after), count, jobId: 'j' }).map((fire) => fire.at.toISOString().slice(0, 19));

describe('fires', () => {
  it.each([
    ['every, from the epoch', { every: '10m' }, '2026-01-01T00:03:00Z', ['2026-01-01T00:10:00', '2026-01-01T00:20:00', '2026-01-01T00:30:00']],
    ['every, from its start, which is a fire', { every: '1h', start: '2026-01-01T00:07:30Z' }, '2025-01-01T00:00:00Z', ['2026-01-01T00:07:30', '2026-01-01T01:07:30', '2026-01-01T02:07:30']],
    ['until its end, which may be a fire', { every: '1h', end: '2026-01-01T02:00:00Z' }, '2026-01-01T00:00:00Z', ['2026-01-01T01:00:00', '2026-01-01T02:00:00']],
    ['at', { at: '2026-05-01T00:00:00Z' }, '2026-01-01T00:00:00Z', ['2026-05-01T00:00:00']],
    ['at, over', { at: '2025-05-01T00:00:00Z' }, '2026-01-01T00:00:00Z', []],
    ['several, two at one instant are one', { any: [{ every: '1h' }, { cron: '0,30 * * * *' }, { at: '2026-01-01T00:30:00Z' }] }, '2026-01-01T00:00:00Z', ['2026-01-01T00:30:00', '2026-01-01T01:00:00', '2026-01-01T01:30:00']],
    ['after another job: no moments of its own', { after: { job: 'other' } }, '2026-01-01T00:00:00Z', []],
    ['on demand', {}, '2026-01-01T00:00:00Z', []],
  ])('%s', (_name, input, after, expected) => {
    expect(at(input, after)).toEqual(expected);
  });

  it('between two moments, both inclusive', () => {
    const hourly = schedule({ every: '1h' });
    expect(firesBetween(hourly, { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2026-01-01T03:00:00Z'), limit: 10 }).fires).toHaveLength(4);
    expect(firesBetween(hourly, { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2026-01-01T03:00:00Z'), limit: 3 })).toMatchObject({ more: true, fires: { length: 3 } });
  });
});

describe('jitter', () => {
  it('is the same for everyone, within its bound, and spread evenly', () => {
    const values = Array.from({ length: 4_000 }, (_, index) => jitterOf({ jobId: 'job', at: 1_700_000_000_000 + index * 60_000, jitter: 999 }));
    expect(values).toEqual(Array.from({ length: 4_000 }, (_, index) => jitterOf({ jobId: 'job', at: 1_700_000_000_000 + index * 60_000, jitter: 999 })));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(999);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const share = values.filter((value) => Math.floor(value / 100) === tenth).length;
      expect(share).toBeGreaterThan(320);
      expect(share).toBeLessThan(480);
    }
    const jobs = new Set(Array.from({ length: 200 }, (_, index) => jitterOf({ jobId: `job-${index}`, at: 1_700_000_000_000, jitter: 1_000_000 })));
    expect(jobs.size).toBeGreaterThan(195);
  });
});

describe('validateSchedule', () => {
  it.each([
    ['a cron that never fires', { cron: '0 0 31 2 *' }, [{ path: 'schedule.cron', code: 'bad_cron', message: expect.stringContaining('never does') }]],
    ['a cron in a list', { any: [{ every: 3_600_000 }, { cron: '99 * * * *' }] }, [{ path: 'schedule.any.1.cron', code: 'bad_cron', message: expect.stringContaining('0 to 59') }]],
    ['no fire between start and end', { cron: '0 0 29 2 *', start: '2026-03-01T00:00:00Z', end: '2027-03-01T00:00:00Z' }, [{ path: 'schedule', code: 'never_fires', message: expect.stringContaining('2026-03-01') }]],
    ['nothing wrong', { cron: '20,25 5 * * *', timezone: 'Europe/Kyiv' }, []],
    ['on demand', {}, []],
  ])('%s', (_name, input, expected) => {
    expect(validateSchedule(schedule(input))).toEqual(expected);
  });
});

describe('findAfterCycle', () => {
  const after = (job: string) => schedule({ after: { job } });
  const others = new Map([['b', after('c')], ['c', after('d')], ['x', schedule({ any: [{ every: '1h' }, { after: { job: 'b' } }] })]]);
  const cycle = (job: string, of: Schedule) => findAfterCycle({ job, schedule: of, scheduleOf: (id) => others.get(id) });
  it('names the way round', () => {
    expect(cycle('d', after('b'))).toEqual(['d', 'b', 'c', 'd']);
    expect(cycle('a', after('a'))).toEqual(['a', 'a']);
    expect(cycle('a', after('x'))).toBeUndefined();
    expect(cycle('a', schedule({}))).toBeUndefined();
  });
});
