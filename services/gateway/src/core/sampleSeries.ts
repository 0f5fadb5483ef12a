export interface SeriesPoint {
  readonly at: Date;
  readonly value: unknown;
}

/**
 * Points (newest first) as a chart wants them: oldest first, from `from` to `to`; the value that held at `from` stands there.
 * With `step` (ms) one value for each step, the one that held then; without, neighbours that are equal become one.
 */
export function sampleSeries({ points, from, to, step, max }: { readonly points: readonly SeriesPoint[]; readonly from: Date; readonly to: Date; readonly step: number | undefined; readonly max: number }): SeriesPoint[] {
  const oldestFirst = points.toReversed();
  const startsAt = oldestFirst.findLastIndex(({ at }) => at <= from);
  const within = oldestFirst.filter(({ at }, index) => index >= startsAt && at <= to).map((point) => (point.at < from ? { ...point, at: from } : point));
  if (step === undefined) {
    const changes = within.filter((point, index) => index === 0 || JSON.stringify(point.value) !== JSON.stringify(within[index - 1]?.value));
    return changes.slice(-max);
  }
  const sampled: SeriesPoint[] = [];
  let next = 0;
  for (let at = from.getTime(); at <= to.getTime(); at += step) {
    while (next < within.length && (within[next] as SeriesPoint).at.getTime() <= at) next += 1;
    const holding = within[next - 1];
    if (holding) sampled.push({ at: new Date(at), value: holding.value });
  }
  return sampled;
}
