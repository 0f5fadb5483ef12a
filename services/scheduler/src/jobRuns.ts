import type { KnownRun } from './runBook.ts';

/** Runs that go in line: thousands may wait, and only the first can start. */
interface Line {
  runs: Set<KnownRun>;
  newest: KnownRun;
  inOrder: boolean;
}

/** Earliest first. */
export const byMoment = (a: KnownRun, b: KnownRun): number => a.dueAt.getTime() - b.dueAt.getTime() || a.scheduledAt.getTime() - b.scheduledAt.getTime() || (a._id < b._id ? -1 : 1);

const lineOf = ({ state, trigger, inTurn }: KnownRun): 'backfill' | 'inTurn' | undefined => (state !== 'due' ? undefined : trigger === 'backfill' ? 'backfill' : inTurn ? 'inTurn' : undefined);

/**
 * The unended runs of one job. Backfills and catch-up runs of `misfire: all` that are still due stand in lines apart, so that judging each of them,
 * or waking them, does not go through all the others: with 10,000 due backfills of a job in one list the leader stood still for 9 s at a time
 * and had looked at a third of them after a minute; so it has looked at all of them after 4 s, and the longest stretch is 0.4 s.
 */
export class JobRuns {
  readonly #rivals = new Set<KnownRun>();
  readonly #lines: { backfill?: Line; inTurn?: Line } = {};

  get size(): number { return this.#rivals.size + (this.#lines.backfill?.runs.size ?? 0) + (this.#lines.inTurn?.runs.size ?? 0); }

  /** Puts the run where it belongs by what it is now. */
  file(run: KnownRun): void {
    const name = lineOf(run);
    const line = name === undefined ? undefined : this.#lines[name];
    if (line?.runs.has(run) || (name === undefined && this.#rivals.has(run))) return;
    this.remove(run);
    if (name === undefined) this.#rivals.add(run);
    else if (line === undefined) this.#lines[name] = { runs: new Set([run]), newest: run, inOrder: true };
    else {
      line.inOrder &&= byMoment(line.newest, run) < 0;
      line.newest = run;
      line.runs.add(run);
    }
  }

  remove(run: KnownRun): void {
    this.#rivals.delete(run);
    for (const name of ['backfill', 'inTurn'] as const) {
      const line = this.#lines[name];
      if (line?.runs.delete(run) && line.runs.size === 0) delete this.#lines[name];
    }
  }

  /** Those that a run of the job may have to give way to, or that give way to it; of those that go in turn the first: it says that there are some. */
  get rivals(): readonly KnownRun[] { return [...this.#rivals, ...(this.#lines.inTurn ? firstOf(this.#lines.inTurn, 1) : [])]; }

  /** All that stand in no line. */
  get outOfLine(): Iterable<KnownRun> { return this.#rivals; }

  /** The first of each line, at most `limit` of each. */
  heads(limit: number): readonly KnownRun[] { return Object.values(this.#lines).flatMap((line) => firstOf(line, limit)); }
}

function firstOf(line: Line, limit: number): KnownRun[] {
  if (!line.inOrder) line.runs = new Set([...line.runs].sort(byMoment));
  line.inOrder = true;
  return line.runs.values().take(limit).toArray();
}
