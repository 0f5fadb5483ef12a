import type { KnownRun } from './runBook.ts';

/** Runs that go in line: thousands may wait, and only the first can start. */
interface Line {
  runs: Set<KnownRun>;
  newest: KnownRun;
  inOrder: boolean;
}

export type JobRuns = ReturnType<typeof createJobRuns>;

/** Earliest first. */
export const byMoment = (a: KnownRun, b: KnownRun): number => a.dueAt.getTime() - b.dueAt.getTime() || a.scheduledAt.getTime() - b.scheduledAt.getTime() || (a._id < b._id ? -1 : 1);

const lineOf = ({ state, trigger, inTurn }: KnownRun): 'backfill' | 'inTurn' | undefined => (state !== 'due' ? undefined : trigger === 'backfill' ? 'backfill' : inTurn ? 'inTurn' : undefined);

/**
 * The unended runs of one job. Backfills and catch-up runs of `misfire: all` that are still due stand in lines apart, so that judging each of them,
 * or waking them, does not go through all the others: with 10,000 due backfills of a job in one list the leader stood still for 9 s at a time
 * and had looked at a third of them after a minute; so it has looked at all of them after 4 s, and the longest stretch is 0.4 s.
 */
export function createJobRuns() {
  const rivals = new Set<KnownRun>();
  const lines: { backfill?: Line; inTurn?: Line } = {};

  const remove = (run: KnownRun): void => {
    rivals.delete(run);
    for (const name of ['backfill', 'inTurn'] as const) {
      lines[name]?.runs.delete(run);
      if (lines[name]?.runs.size === 0) delete lines[name];
    }
  };

  const firstOf = (line: Line, limit: number): KnownRun[] => {
    if (!line.inOrder) line.runs = new Set([...line.runs].sort(byMoment));
    line.inOrder = true;
    return line.runs.values().take(limit).toArray();
  };

  return {
    get size(): number { return rivals.size + (lines.backfill?.runs.size ?? 0) + (lines.inTurn?.runs.size ?? 0); },

    /** Puts the run where it belongs by what it is now. */
    file(run: KnownRun): void {
      const name = lineOf(run);
      const line = name === undefined ? undefined : lines[name];
      if (line?.runs.has(run) || (name === undefined && rivals.has(run))) return;
      remove(run);
      if (name === undefined) rivals.add(run);
      else if (line === undefined) lines[name] = { runs: new Set([run]), newest: run, inOrder: true };
      else {
        line.inOrder &&= byMoment(line.newest, run) < 0;
        line.newest = run;
        line.runs.add(run);
      }
    },
    remove,

    /** Those that a run of the job may have to give way to, or that give way to it; of those that go in turn the first: it says that there are some. */
    rivals: (): readonly KnownRun[] => [...rivals, ...(lines.inTurn ? firstOf(lines.inTurn, 1) : [])],

    /** All that stand in no line. */
    outOfLine: (): Iterable<KnownRun> => rivals,

    /** The first of each line, at most `limit` of each. */
    heads: (limit: number): readonly KnownRun[] => Object.values(lines).flatMap((line) => firstOf(line, limit)),
  };
}
