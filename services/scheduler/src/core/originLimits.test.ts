import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { paceOf, tightest } from './originLimits.ts';

describe('paceOf', () => {
  it('never lets all slots together pass the limit in any minute, however requests fall', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 0, max: 500 }), (concurrency, perMinute, jitter) => {
      const { slots, spacing } = paceOf({ concurrency, perMinute });
      expect(slots).toBeLessThanOrEqual(concurrency);
      // Most requests that one slot fits into a minute that jitter has shortened the distances of.
      const inAMinute = Math.ceil((60_000 + jitter) / spacing);
      expect(slots * inAMinute).toBeLessThanOrEqual(perMinute);
    }));
  });
  it('asks for no distance where there is no limit per minute', () => {
    expect(paceOf({ concurrency: 7 })).toEqual({ slots: 7, spacing: 0 });
  });
  it('takes the tightest of all wishes', () => {
    expect(tightest([{ concurrency: 32 }, { perMinute: 60 }, { concurrency: 2, perMinute: 90 }])).toEqual({ concurrency: 2, perMinute: 60 });
  });
});
