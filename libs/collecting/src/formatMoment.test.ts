import { describe, expect, it } from '@jest/globals';
import { formatMoment } from './formatMoment.ts';

describe('a moment', () => {
  const moment = Date.UTC(2026, 10, 21, 5, 7, 9, 42);
  it.each([
    ['iso', '2026-11-21T05:07:09.042Z'], ['unix', '1795237629'], ['ms', '1795237629042'], ['yyyy-MM-dd', '2026-11-21'], ['dd/MM/yyyy HH:mm:ss.SSS', '21/11/2026 05:07:09.042'],
    ['yyyy-MM-dd HH', '2026-11-21 05'], ['dd MM', '21 11'], ['yyyyMMdd HHmm', '20261121 0507'], ['yyyy MM/dd', '2026 11/21'], ['dd HH_mm', '21 05_07'], ['HH', '05'], ['yyyy-MM-dd THHmm', '2026-11-21 T0507'],
    ['yyyy-MM-dd HH Europe/Kyiv', '2026-11-21 07'], ['HH MM Asia/Kathmandu', '10 11'], ['dd MST', '20'], ['HH America/Port-au-Prince', '00'], ['HH Etc/GMT+5', '00'],
  ])('as %s is %s', (format, text) => {
    expect(formatMoment(moment, format)).toBe(text);
  });

  it.each(['nonsense', 'HH Nowhere/City', 'HH MM Nowhere', 'Europe/Kyiv', ''])('has no format %j', (format) => {
    expect(formatMoment(moment, format)).toBeUndefined();
  });
});
