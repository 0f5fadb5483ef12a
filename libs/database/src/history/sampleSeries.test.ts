import { describe, expect, it } from '@jest/globals';
import type { Version } from './mergeVersions.ts';
import { sampleSeries } from './sampleSeries.ts';

const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 21, 5, minute));
const version = (minute: number, data: unknown): Version => ({ from: `${at(minute).toISOString()}|job@x`, hash: data === null ? null : JSON.stringify(data), ...(data === null ? {} : { data }) });
const versions = [version(40, { p: { q: 4 } }), version(30, null), version(20, { p: { q: 2 } }), version(10, { p: { q: 1 } })];
const minutes = (points: readonly { at: Date; value?: unknown }[]) => points.map((point) => [point.at.getUTCMinutes(), point.value]);

describe('a series', () => {
  it('has a point per change, and one where the stretch begins', () => {
    expect(minutes(sampleSeries({ versions, field: 'p.q', from: at(15), to: at(35) }))).toEqual([[15, 1], [20, 2], [30, undefined]]);
    expect(minutes(sampleSeries({ versions, field: 'p.q', from: at(0), to: at(10) }))).toEqual([[10, 1]]);
    expect(sampleSeries({ versions, field: 'p.q', from: at(0), to: at(9) })).toEqual([]);
  });

  it('has what held at each step', () => {
    expect(minutes(sampleSeries({ versions, field: 'p.q', from: at(0), to: at(45), step: 600_000 }))).toEqual([[10, 1], [20, 2], [30, undefined], [40, 4]]);
    expect(minutes(sampleSeries({ versions, field: 'p.q', from: at(39), to: at(41), step: 60_000 }))).toEqual([[39, undefined], [40, 4], [41, 4]]);
  });

  it.each([['a\\.b', { 'a.b': 1 }, 1], ['a.1.b', { a: [0, { b: 2 }] }, 2], ['a.b', { a: 'text' }, undefined], ['__proto__', {}, undefined], ['a', { a: null }, null]])('reads %s', (field, data, value) => {
    expect(sampleSeries({ versions: [version(1, data)], field, from: at(1), to: at(1) })).toEqual([value === undefined ? { at: at(1) } : { at: at(1), value }]);
  });
});
