import { AttemptFailure, badBody } from './AttemptFailure.ts';

/** Takes text as it comes and tells of each row: its cells, and the line it begins on (from 1). */
export interface CsvCutter {
  write(text: string): void;
  end(): void;
}

/** Of a row; no item may be longer than 4 MiB. */
const maxRowChars = 4 * 1024 ** 2;
const quote = 0x22, newline = 0x0a, carriageReturn = 0x0d;

/**
 * Cuts CSV (RFC 4180: quotes double inside quotes, rows end with CRLF or LF) into rows. Blank lines are skipped. `delimiter` undefined: the one of
 * comma, semicolon and tab that the first line has most of, outside quotes. A quote that never closes is `bad_body`, a row of more than 4 MiB `item_too_large`.
 * Every character is looked at once, however small the parts are that a long row comes in.
 */
export function createCsvCutter({ delimiter: given, onRow }: { readonly delimiter?: string; readonly onRow: (cells: string[], line: number) => void }): CsvCutter {
  let delimiter = given;
  let beginning = ''; // what waits until the delimiter is known
  let line = 1;
  // The row that is being read.
  let cells: string[] = [];
  let lines = 1;
  let rowChars = 0;
  let quoteLine = 0; // where its last quote was opened; 0 = none was
  // The cell that is being read: what stood in quotes, and what stands bare after it.
  let place: 'start' | 'bare' | 'quoted' | 'quote' = 'start';
  let inQuotes = '';
  let bare = '';

  const endCell = (): void => {
    cells.push(inQuotes + bare);
    inQuotes = '';
    bare = '';
    place = 'start';
  };

  const endRow = (): void => {
    if (bare.charCodeAt(bare.length - 1) === carriageReturn) bare = bare.slice(0, -1);
    endCell();
    if (cells.length > 1 || quoteLine > 0 || (cells[0] ?? '').trim() !== '') onRow(cells, line);
    line += lines;
    cells = [];
    lines = 1;
    rowChars = 0;
    quoteLine = 0;
  };

  const grow = (chars: number): void => {
    rowChars += chars;
    if (rowChars > maxRowChars) throw new AttemptFailure('item_too_large', `expected rows of at most 4 MiB; the one that begins on line ${line} is longer${place === 'quoted' ? ', and a quote in it was not closed yet' : ''}`);
  };

  const cut = (text: string, comma: number): void => {
    let at = 0;
    while (at < text.length) {
      if (place === 'start' && text.charCodeAt(at) === quote) {
        place = 'quoted';
        quoteLine = line + lines - 1;
        at += 1;
      } else if (place === 'quoted') {
        const found = text.indexOf('"', at);
        const end = found < 0 ? text.length : found;
        const part = text.slice(at, end);
        for (let from = part.indexOf('\n'); from >= 0; from = part.indexOf('\n', from + 1)) lines += 1;
        inQuotes += part;
        grow(part.length + 1);
        if (found >= 0) place = 'quote';
        at = end + 1;
      } else if (place === 'quote' && text.charCodeAt(at) === quote) {
        inQuotes += '"';
        place = 'quoted';
        at += 1;
      } else {
        // Whatever follows the closing quote belongs to the cell as it stands: some writers quote only a part.
        const end = endOfCell(text, at, comma);
        const part = text.slice(at, end);
        grow(part.length + 1);
        // Most cells come whole and without quotes.
        if (place === 'start' && text.charCodeAt(end) === comma) cells.push(part);
        else {
          bare += part;
          place = 'bare';
          if (text.charCodeAt(end) === comma) endCell();
          else if (end < text.length) endRow();
        }
        at = end + 1;
      }
    }
  };

  /** Waits for the end of the first line that is not blank; those before it are let go, whatever pieces they come in. */
  const begin = (text: string, last: boolean): void => {
    beginning += text;
    if (!last && !text.includes('\n')) {
      grow(text.length);
      return;
    }
    let from = 0;
    let end = beginning.indexOf('\n');
    for (; end >= 0 && beginning.slice(from, end).trim() === ''; end = beginning.indexOf('\n', from)) {
      line += 1;
      from = end + 1;
    }
    const all = beginning.slice(from);
    beginning = all;
    rowChars = end < 0 ? all.length : 0;
    if ((end < 0 && !last) || all.trim() === '') return;
    delimiter = delimiterOf(end < 0 ? all : all.slice(0, end - from));
    beginning = '';
    rowChars = 0;
    cut(all, delimiter.charCodeAt(0));
  };

  return {
    write(text) {
      if (delimiter === undefined) begin(text, false);
      else cut(text, delimiter.charCodeAt(0));
    },
    end() {
      if (delimiter === undefined) begin('', true);
      if (place === 'quoted') throw badBody(`expected the quoted cell that begins on line ${quoteLine} to be closed`);
      if (place !== 'start' || cells.length > 0) endRow();
    },
  };
}

/** Index of the delimiter or line feed that ends a cell; the text's length where neither is there. */
function endOfCell(text: string, from: number, comma: number): number {
  for (let at = from; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === comma || char === newline) return at;
  }
  return text.length;
}

function delimiterOf(line: string): string {
  const bare = line.replaceAll(/"[^"]*"/g, '');
  const counts = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: bare.split(delimiter).length }));
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).delimiter;
}
