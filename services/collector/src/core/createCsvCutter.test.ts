import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { createCsvCutter } from './createCsvCutter.ts';

function rowsOf(text: string, size: number, delimiter?: string): { cells: string[]; line: number }[] {
  const rows: { cells: string[]; line: number }[] = [];
  const cutter = createCsvCutter({ ...(delimiter === undefined ? {} : { delimiter }), onRow: (cells, line) => rows.push({ cells, line }) });
  for (let at = 0; at < text.length; at += size) cutter.write(text.slice(at, at + size));
  cutter.end();
  return rows;
}

describe('the CSV cutter', () => {
  it('reads in any pieces what csv-parse reads in the whole', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '"', ',', ';', '\n', '\r\n', 'ы', '\u{1F600}'), maxLength: 6 });
    fc.assert(fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), { maxLength: 6 }), fc.constantFrom(',', ';', '\t'), fc.constantFrom('\n', '\r\n'), fc.integer({ min: 1, max: 7 }), fc.boolean(), (rows, delimiter, end, size, last) => {
      const text = rows.map((cells) => cells.map((one) => (/[",;\t\r\n]/.test(one) ? `"${one.replaceAll('"', '""')}"` : one)).join(delimiter)).join(end) + (last && rows.length > 0 ? end : '');
      const oracle = parse(text, { delimiter, relax_column_count: true, skip_empty_lines: true, record_delimiter: ['\n', '\r\n'] }) as string[][];
      expect(rowsOf(text, size, delimiter).map(({ cells }) => cells)).toEqual(oracle);
    }), { numRuns: 500 });
  });

  it('reads the same in any pieces: rows, lines, and what is wrong', () => {
    const outcome = (text: string, size: number): unknown => {
      try {
        return rowsOf(text, size);
      } catch (error) {
        return (error as Error).message;
      }
    };
    const piece = fc.constantFrom(' ', '\t', '\t', '\n', '\n', '\r\n', ',', '"', 'a');
    fc.assert(fc.property(fc.string({ unit: piece, maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (text, size) => {
      expect(outcome(text, size)).toEqual(outcome(text, text.length));
    }), { numRuns: 2_000 });
  });

  it.each<[string, string[][]]>([
    ['a;b\n1;2', [['a', 'b'], ['1', '2']]],
    ['a\tb,c\td\n1\t2\t3', [['a', 'b,c', 'd'], ['1', '2', '3']]],
    ['"a;b;c;d",x\n1,2', [['a;b;c;d', 'x'], ['1', '2']]],
    ['\n\na,b\n\n1,2\n', [['a', 'b'], ['1', '2']]],
    ['a\n1\n', [['a'], ['1']]],
    ['', []],
    ['a,b\n"x"y,2', [['a', 'b'], ['xy', '2']]],
    ['a,b\n1,', [['a', 'b'], ['1', '']]],
    ['a\n""\n\n"x"\n" "\n \n""', [['a'], [''], ['x'], [' '], ['']]],
    ['a,b\r\n"x\r",y\r\n1,2\r', [['a', 'b'], ['x\r', 'y'], ['1', '2']]],
    ['a,b\n"1""2"3"4",""\n""""', [['a', 'b'], ['1"23"4"', ''], ['"']]],
    ['\t\n \t \r\na\tb\n1\t2\n\t', [['a', 'b'], ['1', '2'], ['', '']]],
    ['  \n\t\n a;b\n1;2', [[' a', 'b'], ['1', '2']]],
  ])('%j', (text, rows) => {
    for (const size of [1, 3, 100]) expect(rowsOf(text, size).map(({ cells }) => cells)).toEqual(rows);
  });

  it('tells lines, over quoted line ends too', () => {
    expect(rowsOf('a,b\n"x\ny",2\n\n3,4', 100).map(({ line }) => line)).toEqual([1, 2, 5]);
  });

  it('refuses a quote that never closes', () => {
    expect(() => rowsOf('a,b\n1,"2\n3', 4)).toThrow(expect.objectContaining({ class: 'bad_body', message: expect.stringContaining('line 2') }));
    expect(() => rowsOf('a,b\n"x\ny","2', 4)).toThrow(expect.objectContaining({ class: 'bad_body', message: expect.stringContaining('line 3') }));
  });

  it('looks at each character once, however small the parts are that a long row comes in', () => {
    const cell = 'x'.repeat(1_900_000);
    for (const text of [`a,b\n"${cell}\n",${cell}\n1,2`, `${cell},${cell}\n1,2`, `${'\n'.repeat(2_000_000)}a,b\n1,2`]) {
      const began = performance.now();
      expect(rowsOf(text, 64).map(({ cells }) => cells.length)).toEqual(text.startsWith('a') ? [2, 2, 2] : [2, 2]);
      expect(performance.now() - began).toBeLessThan(3_000);
    }
  });

  it.each([['a quote that swallows the rest', 'a,b\n"1,2\n'], ['a row without an end', 'a,b\n1,'], ['a first row without an end', '']])('ends what is longer than an item may be: %s', (_name, text) => {
    expect(() => rowsOf(`${text}${'3,4 '.repeat(1_100_000)}`, 65_536)).toThrow(expect.objectContaining({ class: 'item_too_large', message: expect.stringContaining(`line ${text === '' ? 1 : 2}`) }));
  });
});
