import { AttemptFailure, badBody } from '../core/AttemptFailure.ts';
import { setOwn } from '../core/compileFields.ts';
import { createCsvCutter } from '../core/createCsvCutter.ts';
import type { OnFound, TextReader } from './FormatReader.ts';

/**
 * The rows of a CSV or TSV body; the first row names the columns, every value is text. `onlyFirst` keeps the first row alone. A body without the columns that `keys`
 * names is no list of these items, not even an empty one (an error page in one line would be): `missing_key`.
 */
export function readCsv({ delimiter, onlyFirst = false, keys = [], onFound }: { readonly delimiter?: string; readonly onlyFirst?: boolean; readonly keys?: readonly string[]; readonly onFound: OnFound }): TextReader {
  let names: readonly string[] | undefined;
  let rows = 0;
  const cutter = createCsvCutter({
    ...(delimiter === undefined ? {} : { delimiter }),
    onRow: (cells, line) => {
      if (!names) {
        if (cells.some((cell) => /\r(?!\n)/.test(cell))) throw badBody('expected rows that end with LF or CRLF; the first has a CR alone in it, as where rows end with that');
        names = columnNames(cells);
        const missing = keys.find((key) => !names?.includes(key));
        if (missing !== undefined) throw new AttemptFailure('missing_key', `expected a column ${JSON.stringify(missing)}, which is the key; the first row names ${names.slice(0, 20).map((name) => JSON.stringify(name)).join(', ')}`);
        return;
      }
      rows += 1;
      if (onlyFirst && rows > 1) return;
      if (cells.length < names.length || cells.slice(names.length).some((cell) => cell !== '')) {
        throw badBody(`expected ${names.length} cells in each row, as in the first; saw ${cells.length} on line ${line}`);
      }
      const value: Record<string, unknown> = {};
      for (let index = 0; index < names.length; index += 1) setOwn(value, names[index] ?? '', cells[index] ?? '');
      onFound({ value });
    },
  });
  return {
    takes: 'text',
    write: (part) => cutter.write(part),
    end: () => {
      cutter.end();
      if (!names) throw badBody('expected a first row with the names of the columns; the body is empty');
      if (onlyFirst && rows === 0) throw badBody('expected a row after the names; saw none');
      return undefined;
    },
  };
}

/** A column without a name gets `column` and its number, as the first one of an exported index. */
function columnNames(cells: readonly string[]): readonly string[] {
  const names = cells.map((cell, index) => cell.trim() || `column${index + 1}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw badBody(`expected each column's name once; saw ${JSON.stringify(twice)} twice in the first row`);
  const first = names[0] ?? '';
  if (names.some((name) => name.includes('\0'))) throw badBody('expected names without NUL in the first row');
  if (/^<(!doctype|html|\?xml)/i.test(first)) throw badBody(`expected CSV; the body begins with ${JSON.stringify(first)}`);
  return names;
}
