import { describe, expect, it } from '@jest/globals';
import { csvCell, csvColumns, csvRow } from './csv.ts';

describe('csv', () => {
  it.each<[unknown, string]>([[undefined, ''], [null, ''], ['a', 'a'], [1.5, '1.5'], [-0, '-0'], [true, 'true'], [new Date(0), '1970-01-01T00:00:00.000Z'], [[1, 'a'], '[1,"a"]'], [{ a: null }, '{"a":null}'], [Number.NaN, 'NaN']])('writes %j as %j', (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });
  it('quotes what readers would take for something else', () => {
    expect(csvRow(['a', 'b,c', 'd"e', 'f\ng', ' h', ''])).toBe('a,"b,c","d""e","f\ng"," h",\r\n');
    expect(csvColumns([{ a: 1, b: 1 }, null, [1], { c: 1, a: 1 }])).toEqual(['a', 'b', 'c']);
  });
});
