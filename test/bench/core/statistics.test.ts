import { describe, expect, it } from '@jest/globals';
import { changeItems } from './changeItems.ts';
import { renderResults } from './renderResults.ts';
import { median, pairedRatios, plain, quantile, summarize, times, withSpread } from './statistics.ts';

describe('statistics', () => {
  it.each([
    [[3, 1, 2], 0.5, 2], [[4, 1, 3, 2], 0.5, 2.5], [[10, 20], 0.25, 12.5], [[5], 0.99, 5], [[1, 2, 3], 0, 1], [[1, 2, 3], 1, 3],
  ])('quantile of %j at %d is %d', (values, share, expected) => expect(quantile(values, share)).toBeCloseTo(expected, 12));
  it('leaves its input as it was, and knows nothing of nothing', () => {
    const values = [3, 1, 2];
    median(values);
    expect([values, median([])]).toEqual([[3, 1, 2], Number.NaN]);
  });
  it('takes ratios pair by pair', () => {
    expect(pairedRatios([10, 30], [5, 10])).toEqual([2, 3]);
    expect(() => pairedRatios([1], [])).toThrow('expected pairs');
  });
  it.each([[1_234_567.8, '1,234,568'], [12.345, '12.3'], [0.012_345, '0.0123'], [Number.NaN, '–'], [0, '0']])('%d reads as %s', (value, text) => expect(plain(value)).toBe(text));
  it('says middle, slow end and spread', () => {
    const values = Array.from({ length: 101 }, (_, place) => place);
    expect(summarize(values)).toEqual({ p50: 50, p99: 99, max: 100, count: 101 });
    expect(times(values)).toBe('p50 50 ms, p99 99 ms, max 100 ms');
    expect(withSpread([2, 1, 4], '×')).toBe('2 × [1–4]');
  });
});

describe('changes of a round', () => {
  const items = Array.from({ length: 1_000 }, (_, Id) => ({ Id, MarketValue: 10, MinBuyout: 5 }));
  const moved = (round: number, stride: number): number[] => changeItems(items, { round, stride }).filter((item, place) => item !== items[place]).map(({ Id }) => Id);
  it('move every stride-th item, others each time', () => {
    expect(moved(1, 100)).toHaveLength(10);
    expect(moved(1, 100).some((id) => moved(2, 100).includes(id))).toBe(false);
    expect(moved(3, 1)).toHaveLength(1_000);
  });
  it('never give a round the values of another', () => {
    const values = [0, 1, 2, 3].map((round) => changeItems(items, { round, stride: 1 })[0]?.MarketValue);
    expect(new Set([10, ...values]).size).toBe(5);
  });
});

describe('the results page', () => {
  it('lists findings with their verdict, notes, and rows that were never measured', () => {
    const text = renderResults({
      rows: [{ name: 'one', title: 'One' }, { name: 'two', title: 'Two' }],
      results: { one: { machine: '2 cores', findings: [{ what: 'a | b', wanted: '≥ 2 ×', measured: '3 ×', beside: 'peer', reached: true, note: 'why' }, { what: 'c', wanted: '≤ 1', measured: '2', beside: '', reached: false }] } },
    });
    expect(text).toContain('Machine: 2 cores');
    expect(text).toContain('| a \\| b (`one`) | ≥ 2 × | 3 × [1] | peer | reached |');
    expect(text).toContain('| c (`one`) | ≤ 1 | 2 |  | **missed** |');
    expect(text).toContain('| Two (`two`) | | not measured yet | | |');
    expect(text.trimEnd().endsWith('[1] why')).toBe(true);
  });
});
