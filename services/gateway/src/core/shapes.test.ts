import { describe, expect, it } from '@jest/globals';
import type { RunState } from '@gleaner/contracts';
import { csvCell, csvColumns, csvRow } from './csv.ts';
import { healthOf } from './healthOf.ts';
import { jobEtag, versionOfIfMatch } from './jobEtag.ts';
import { readJson, readYaml } from './readDocument.ts';
import { sampleSeries } from './sampleSeries.ts';

describe('healthOf', () => {
  const now = new Date(1_000_000);
  const base = { paused: false, lastState: 'succeeded' as RunState | undefined, lastSuccessAt: new Date(900_000) as Date | undefined, expectEvery: undefined as number | undefined, since: new Date(0), now };
  it.each<[Partial<typeof base>, string]>([
    [{}, 'ok'], [{ paused: true, lastState: 'failed' }, 'paused'], [{ lastState: 'failed' }, 'failing'], [{ lastState: 'retrying' }, 'failing'], [{ lastState: 'quarantined' }, 'quarantined'],
    [{ lastState: undefined, lastSuccessAt: undefined }, 'new'], [{ expectEvery: 100_000 }, 'ok'], [{ expectEvery: 99_999 }, 'stale'], [{ expectEvery: 99_999, lastState: 'failed' }, 'stale'],
    [{ expectEvery: 999_999, lastSuccessAt: undefined, lastState: undefined }, 'stale'], [{ expectEvery: 1_000_000, lastSuccessAt: undefined, lastState: undefined }, 'new'],
  ])('%j is %s', (facts, health) => {
    expect(healthOf({ ...base, ...facts })).toBe(health);
  });
});

describe('csv', () => {
  it.each<[unknown, string]>([[undefined, ''], [null, ''], ['a', 'a'], [1.5, '1.5'], [-0, '-0'], [true, 'true'], [new Date(0), '1970-01-01T00:00:00.000Z'], [[1, 'a'], '[1,"a"]'], [{ a: null }, '{"a":null}'], [Number.NaN, 'NaN']])('writes %j as %j', (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });
  it('quotes what readers would take for something else', () => {
    expect(csvRow(['a', 'b,c', 'd"e', 'f\ng', ' h', ''])).toBe('a,"b,c","d""e","f\ng"," h",\r\n');
    expect(csvColumns([{ a: 1, b: 1 }, null, [1], { c: 1, a: 1 }])).toEqual(['a', 'b', 'c']);
  });
});

describe('jobEtag', () => {
  it('says the version, and what changes by itself behind it', () => {
    expect([jobEtag(3), jobEtag(3, 'x_-1')]).toEqual(['"3"', '"3.x_-1"']);
    expect(['"3"', '"3.x_-1"', 'W/"3"', ' "3" '].map(versionOfIfMatch)).toEqual([3, 3, 3, 3]);
    expect([undefined, '*'].map(versionOfIfMatch)).toEqual([undefined, undefined]);
    for (const header of ['3', '""', '"x"', '"3", "4"']) expect(() => versionOfIfMatch(header)).toThrow(expect.objectContaining({ code: 'bad_header' }));
  });
});

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

describe('readJson and readYaml', () => {
  it('take whole numbers that a double holds, and refuse others with their place', () => {
    for (const text of ['9007199254740991', '1e300', '100000000000000000000', '0.1', '-5']) expect([readJson(`{"a":${text}}`).ok, readYaml(`a: ${text}`).ok]).toEqual([true, true]);
    expect(readJson('{"a":[9007199254740993]}')).toEqual({ ok: false, faults: [expect.objectContaining({ code: 'inexact_number' })] });
    expect(readYaml('a: {b: [1, 9007199254740993]}')).toEqual({ ok: false, faults: [expect.objectContaining({ path: 'a.b.1', code: 'inexact_number' })] });
  });
  it('read YAML 1.2: no is a text, and dates are texts', () => {
    expect(readYaml('a: no\nb: 2026-01-01\nc: 012')).toEqual({ ok: true, value: { a: 'no', b: '2026-01-01', c: 12 } });
  });
  it('let no name become a prototype', () => {
    for (const read of [readJson('{"__proto__":{"x":1}}'), readYaml('__proto__: {x: 1}')]) {
      expect(read.ok && Object.keys(read.value as object)).toEqual(['__proto__']);
      expect((read as { value: { x?: number } }).value.x).toBeUndefined();
    }
  });
});
