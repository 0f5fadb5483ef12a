import { badBody } from './AttemptFailure.ts';

/** Takes text as it comes and tells of each row: its cells, and the line it begins on (from 1). */
export interface CsvCutter {
  write(text: string): void;
  end(): void;
}

/**
 * Cuts CSV (RFC 4180: quotes double inside quotes, rows end with CRLF or LF) into rows. Blank lines are skipped. `delimiter` undefined: the one of
 * comma, semicolon and tab that the first line has most of, outside quotes. A quote that never closes is `bad_body`.
 */
export function createCsvCutter({ delimiter: given, onRow }: { readonly delimiter?: string; readonly onRow: (cells: string[], line: number) => void }): CsvCutter {
  let delimiter = given;
  let rest = '';
  let line = 1;

  /** Cuts whole rows off `text`; returns where the unfinished row begins. */
  const cutRows = (text: string, last: boolean): number => {
    let rowStart = 0;
    while (rowStart < text.length) {
      const cells: string[] = [];
      let at = rowStart;
      let lines = 1;
      for (;;) {
        if (text[at] === '"') {
          const end = closingQuote(text, at);
          if (end < 0) {
            if (last) throw badBody(`expected the quoted cell that begins on line ${line + lines - 1} to be closed`);
            return rowStart;
          }
          const cell = text.slice(at + 1, end);
          for (let from = cell.indexOf('\n'); from >= 0; from = cell.indexOf('\n', from + 1)) lines += 1;
          const rowEnd = endOfCell(text, end + 1, delimiter ?? ',');
          if (rowEnd < 0 && !last) return rowStart;
          const stop = rowEnd < 0 ? text.length : rowEnd;
          // Whatever follows the closing quote belongs to the cell as it stands: some writers quote only a part.
          cells.push((cell.includes('"') ? cell.replaceAll('""', '"') : cell) + trimReturn(text, end + 1, stop));
          at = stop;
        } else {
          const end = endOfCell(text, at, delimiter ?? ',');
          if (end < 0 && !last) return rowStart;
          const stop = end < 0 ? text.length : end;
          cells.push(trimReturn(text, at, stop));
          at = stop;
        }
        if (text[at] !== delimiter) break;
        at += 1;
      }
      if (cells.length > 1 || (cells[0] ?? '').trim() !== '') onRow(cells, line);
      line += lines;
      rowStart = at + 1;
    }
    return Math.min(rowStart, text.length);
  };

  const take = (text: string, last: boolean): void => {
    rest += text;
    if (delimiter === undefined) {
      const end = rest.trimStart().indexOf('\n');
      if (end < 0 && !last) return;
      delimiter = delimiterOf(rest.trimStart().split('\n', 1)[0] ?? '');
    }
    rest = rest.slice(cutRows(rest, last));
  };

  return { write: (text) => take(text, false), end: () => take('', true) };
}

/** Index of the quote that ends a cell; -1 where it is not there. */
function closingQuote(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    if (text[at + 1] !== '"') return at;
    at += 1;
  }
  return -1;
}

/** Index of the delimiter or line feed that ends a cell; -1 where neither is there. */
function endOfCell(text: string, from: number, delimiter: string): number {
  const code = delimiter.charCodeAt(0);
  for (let at = from; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === code || char === 10) return at;
  }
  return -1;
}

const trimReturn = (text: string, from: number, to: number): string => text.slice(from, to > from && text.charCodeAt(to - 1) === 13 && (text.charCodeAt(to) === 10 || to === text.length) ? to - 1 : to);

function delimiterOf(line: string): string {
  const bare = line.replaceAll(/"[^"]*"/g, '');
  const counts = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: bare.split(delimiter).length }));
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).delimiter;
}
