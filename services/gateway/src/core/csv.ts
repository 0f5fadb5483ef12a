import { stringifyValue } from './stringifyValue.ts';

/** A row of RFC 4180 with its line end. */
export const csvRow = (cells: readonly string[]): string => `${cells.map(quoted).join(',')}\r\n`;

/** A value as a cell: texts as they are, absent and null empty, dates ISO, lists and objects as JSON. */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  // A date that JSON has to quote loses its quotes again.
  return value instanceof Date ? stringifyValue(value).replaceAll('"', '') : stringifyValue(value);
}

/** Names of all properties of the rows, in the order in which they were first seen. */
export function csvColumns(rows: readonly unknown[]): string[] {
  const names = new Set<string>();
  for (const row of rows) if (typeof row === 'object' && row !== null && !Array.isArray(row)) for (const name of Object.keys(row)) names.add(name);
  return [...names];
}

const quoted = (cell: string): string => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
