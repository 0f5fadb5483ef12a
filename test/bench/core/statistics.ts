/** The value below which a share of the values lies (0.5 = median), between neighbours in proportion; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** What a row tells of a set of times: its middle, its slow end and its worst. */
export const summarize = (values: readonly number[]): { readonly p50: number; readonly p99: number; readonly max: number; readonly count: number } => ({
  p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: quantile(values, 1), count: values.length,
});

/** How many times faster the first is than the second, round by round: times taken side by side share the noise of their moment. */
export function pairedRatios(slower: readonly number[], faster: readonly number[]): number[] {
  if (slower.length !== faster.length) throw new RangeError(`expected pairs; saw ${slower.length} and ${faster.length} values`);
  return slower.map((value, place) => value / (faster[place] ?? Number.NaN));
}

/** A number with three figures that matter, and thousands as they are read. */
export function plain(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/** `middle unit [least–most]`. */
export const withSpread = (values: readonly number[], unit: string): string => `${plain(median(values))} ${unit} [${plain(quantile(values, 0))}–${plain(quantile(values, 1))}]`;

/** `p50 … p99 … max …` of times in ms. */
export const times = (values: readonly number[]): string => {
  const { p50, p99, max } = summarize(values);
  return `p50 ${plain(p50)} ms, p99 ${plain(p99)} ms, max ${plain(max)} ms`;
};
