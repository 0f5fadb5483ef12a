import { exactJson } from '@gleaner/contracts';

/** Rows as aligned columns under their names, two spaces apart; cells are cut at `maxWidth`. No rows: nothing but the names. */
export function table(names: readonly string[], rows: readonly (readonly unknown[])[], { maxWidth = 60 }: { readonly maxWidth?: number } = {}): string {
  const cells = [names, ...rows.map((row) => row.map(shown))].map((row) => row.map((cell) => (widthOf(cell) > maxWidth ? `${cell.slice(0, maxWidth - 1)}…` : cell)));
  const widths = names.map((_name, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))));
  return cells.map((row) => `${row.map((cell, column) => (column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))).join('  ').trimEnd()}\n`).join('');
}

/** A value as one line: texts as they are but for line breaks, absent empty, the rest as JSON. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : exactJson(value);
  // Control characters of an upstream must not reach anybody's terminal.
  return text.replaceAll(/\p{Cc}/gu, (character) => (character === '\n' ? '⏎' : character === '\t' ? ' ' : '·'));
}

/** A moment in seconds, as people read it. */
export const shownTime = (iso: string | undefined): string => (iso === undefined ? '' : iso.replace(/\.\d+Z$/, 'Z').replace('T', ' '));

const widthOf = (text: string): number => [...new Intl.Segmenter().segment(text)].length;
