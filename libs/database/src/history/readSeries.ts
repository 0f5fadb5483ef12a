import type { Database } from '../connectDatabase.ts';
import { readHistory } from './readHistory.ts';
import { sampleSeries, type SeriesPoint } from './sampleSeries.ts';

export interface Series {
  /** Oldest first. */
  readonly points: readonly SeriesPoint[];
  readonly rev: number;
  /** True where the stretch holds more changes than were read: its oldest part is missing. */
  readonly cut: boolean;
}

const mostVersions = 10_000;

/** One field of one key over time, for charts: a point per change, or per `step` (ms). Times are inclusive. Throws HistoryError: no_dataset. */
export async function readSeries({ database, dataset, key, field, from, to, step, limit = mostVersions }: {
  readonly database: Pick<Database, 'client' | 'db'>; readonly dataset: string; readonly key: string; readonly field: string; readonly from: Date; readonly to: Date; readonly step?: number | undefined;
  /** Changes to read at most, newest first. */
  readonly limit?: number;
}): Promise<Series> {
  const { versions, rev, next } = await readHistory({ database, dataset, key, after: `${to.toISOString()}|\u{10FFFF}`, since: from.toISOString(), limit });
  return { points: sampleSeries({ versions, field, from, to, step }), rev, cut: next !== undefined };
}
