/** One figure of a bench: what, how much, of what unit. */
export interface Row { readonly row: string; readonly value: number; readonly unit: string }

/** Prints rows as JSON, one a line. */
export function printRows(rows: readonly Row[]): void {
  for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
}

/** True where this file was started by itself. */
export const isMain = (url: string): boolean => process.argv[1] !== undefined && new URL(`file://${process.argv[1]}`).href === url;

/** Median of numbers. */
export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
