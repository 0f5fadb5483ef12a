import { describe, expect, it } from '@jest/globals';
import { sampleSeries } from './sampleSeries.ts';

describe('sampleSeries', () => {
  const at = (minute: number): Date => new Date(minute * 60_000);
  const points = [{ at: at(50), value: 5 }, { at: at(30), value: 3 }, { at: at(20), value: 3 }, { at: at(10), value: 1 }];
  const options = { from: at(15), to: at(40), step: undefined, max: 100 };
  it('begins with the value that held, and leaves out what did not change', () => {
    expect(sampleSeries({ points, ...options })).toEqual([{ at: at(15), value: 1 }, { at: at(20), value: 3 }]);
    expect(sampleSeries({ points, ...options, from: at(0) })).toEqual([{ at: at(10), value: 1 }, { at: at(20), value: 3 }]);
    expect(sampleSeries({ points, ...options, max: 1 })).toEqual([{ at: at(20), value: 3 }]);
    expect(sampleSeries({ points: [], ...options })).toEqual([]);
  });
  it('gives the value of each step, from the first that there is', () => {
    expect(sampleSeries({ points, ...options, from: at(0), step: 10 * 60_000 })).toEqual([1, 3, 3, 3].map((value, index) => ({ at: at(10 + 10 * index), value })));
  });
});
