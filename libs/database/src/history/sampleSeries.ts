import type { Version } from './mergeVersions.ts';

/** A point of a chart: what held from this moment on; `value` absent = the key or the field was not there. */
export interface SeriesPoint {
  readonly at: Date;
  readonly value?: unknown;
}

/**
 * The values of a key over a stretch of time. Without `step` one point per change (and one where the stretch begins), with it (ms) one point
 * per step, each with what held then. `versions` newest first; nothing is said of the time before the first of them.
 */
export function sampleSeries({ versions, field, from, to, step }: {
  readonly versions: readonly Version[];
  /** Dotted path into the data; `\.` is a dot in a name, digits index a list. */
  readonly field: string; readonly from: Date; readonly to: Date; readonly step?: number | undefined;
}): SeriesPoint[] {
  const path = pathOf(field);
  const changes = versions.toReversed().map(({ from: position, hash, data }) => ({ at: momentOf(position), value: hash === null ? undefined : valueAt(data, path) }));
  const point = (at: number, value: unknown): SeriesPoint => (value === undefined ? { at: new Date(at) } : { at: new Date(at), value });
  if (step === undefined) {
    const points: SeriesPoint[] = [];
    for (const [index, { at, value }] of changes.entries()) {
      const next = changes[index + 1]?.at ?? Number.POSITIVE_INFINITY;
      if (at <= to.getTime() && next > from.getTime()) points.push(point(Math.max(at, from.getTime()), value));
    }
    return points;
  }
  const points: SeriesPoint[] = [];
  let index = -1;
  for (let at = from.getTime(); at <= to.getTime(); at += step) {
    while ((changes[index + 1]?.at ?? Number.POSITIVE_INFINITY) <= at) index += 1;
    const change = changes[index];
    if (change) points.push(point(at, change.value));
  }
  return points;
}

const momentOf = (position: string): number => Date.parse(position.slice(0, position.indexOf('|')));

function pathOf(field: string): string[] {
  const names: string[] = [];
  let name = '';
  for (let index = 0; index < field.length; index += 1) {
    if (field[index] === '\\' && field[index + 1] === '.') {
      name += '.';
      index += 1;
    } else if (field[index] === '.') {
      names.push(name);
      name = '';
    } else name += field[index];
  }
  return [...names, name];
}

function valueAt(data: unknown, path: readonly string[]): unknown {
  let value = data;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
