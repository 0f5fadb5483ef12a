import { describe, expect, it } from '@jest/globals';
import { judgeArrivals, readArrivals } from './judgeArrivals.ts';

describe('arrivals beside their plan', () => {
  const plan = { entries: 3, first: 1_000, apart: 10, every: 100 };
  it('are late by their distance from the nearest planned moment', () => {
    const arrivals = readArrivals('0 1001.5\n1 1010\n2 1025\n');
    expect(judgeArrivals({ plan, arrivals, until: 1_100 })).toEqual({ late: [1.5, 0, 5], lost: 0, doubled: 0 });
  });
  it('count what came never and what came twice', () => {
    const arrivals = readArrivals('0 1001\n0 1002\n0 1103\n2 1020\n');
    expect(judgeArrivals({ plan, arrivals, until: 1_110 })).toEqual({ late: [1, 3, 0], lost: 1, doubled: 1 });
  });
  it('leave out what was planned after the end', () => {
    expect(judgeArrivals({ plan, arrivals: readArrivals('0 1101\n'), until: 1_100 })).toEqual({ late: [], lost: 3, doubled: 0 });
  });
  it('take one that came early for the first moment, not for one before it', () => {
    expect(judgeArrivals({ plan, arrivals: readArrivals('0 900\n'), until: 1_005 })).toEqual({ late: [-100], lost: 0, doubled: 0 });
  });
});
