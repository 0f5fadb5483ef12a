import { triggersOf, type JobDefinition, type RunTrigger, type Schedule } from '@gleaner/contracts';
import { compileSchedule } from './compileSchedule.ts';
import { decideStart, type UnendedRun } from './decideStart.ts';
import { jitterOf } from './jitterOf.ts';
import { MinHeap } from './minHeap.ts';
import { originsOf } from './originsOf.ts';

export interface SimulatedJob {
  readonly id: string;
  readonly definition: JobDefinition;
}

export interface SimulationOptions {
  readonly from: Date;
  readonly until: Date;
  /** How long every run is taken to last, ms. */
  readonly assumedDuration: number;
  /** Most fires of the whole simulation; default 100,000. */
  readonly limit?: number;
}

/** One fire and what would become of it. Times ISO 8601. */
export interface SimulatedFire {
  readonly job: string;
  readonly at: string;
  readonly trigger: Extract<RunTrigger, 'schedule' | 'after'>;
  readonly outcome: 'runs' | 'waits' | 'skipped' | 'coalesced';
  /** When it would begin; absent where it would not. */
  readonly startsAt?: string;
  /** Cut short by a later fire (`overlap: cancel`). */
  readonly cancelledAt?: string;
  readonly note?: 'gap' | 'fold';
}

export interface Simulation {
  readonly fires: readonly SimulatedFire[];
  readonly jobs: readonly { readonly job: string; readonly fires: number; readonly runs: number; readonly skipped: number; readonly overlaps: number; readonly mostAtOnce: number }[];
  readonly origins: readonly { readonly origin: string; readonly requests: number; readonly mostPerMinute: number; readonly busiestMinute?: string }[];
  /** True where the limit was reached: the figures stop there. */
  readonly truncated: boolean;
}

/** Chains of `after` end here, as in the leader. */
const deepest = 16;

interface Run {
  readonly job: Job;
  readonly fire: { -readonly [K in keyof SimulatedFire]: SimulatedFire[K] };
  readonly depth: number;
  state: 'due' | 'queued' | 'ended';
  held: boolean;
}

interface Job {
  readonly id: string;
  readonly schedule: Schedule;
  readonly origins: readonly string[];
  readonly requests: number;
  readonly children: Job[];
  readonly unended: Set<Run>;
  readonly figures: { fires: number; runs: number; skipped: number; overlaps: number; mostAtOnce: number };
}

/**
 * Runs a set of jobs on a virtual clock, with the leader's own fires and overlap decisions: each run lasts `assumedDuration` and succeeds with changes.
 * Requests are counted where they would be made: one a run and one for each entry of a `forEach` list; pages are unknown.
 */
export function simulate(jobs: readonly SimulatedJob[], { from, until, assumedDuration, limit = 100_000 }: SimulationOptions): Simulation {
  const end = until.getTime();
  const moments = new MinHeap<() => void>();
  const book = jobsOf(jobs);
  const fires: SimulatedFire[] = [];
  const requests = new Map<string, Map<number, number>>();
  let truncated = false;

  const begin = (run: Run, now: number): void => {
    const { job, fire } = run;
    run.state = 'queued';
    run.held = false;
    fire.startsAt = new Date(now).toISOString();
    fire.outcome = 'runs';
    job.figures.runs += 1;
    job.figures.mostAtOnce = Math.max(job.figures.mostAtOnce, [...job.unended].filter(({ state }) => state === 'queued').length);
    for (const origin of job.origins.slice(0, 1)) count(requests, origin, Math.floor(now / 60_000), job.requests);
    moments.push(now + assumedDuration, () => { finish(run, now + assumedDuration); });
  };

  const finish = (run: Run, now: number): void => {
    if (run.state !== 'queued') return; // cancelled meanwhile
    run.state = 'ended';
    run.job.unended.delete(run);
    for (const child of run.job.children) if (run.depth < deepest) arrive(child, { at: now, trigger: 'after', depth: run.depth + 1 });
    for (const waiting of run.job.unended) if (waiting.held) decide(waiting, now);
  };

  const decide = (run: Run, now: number): void => {
    const { job } = run;
    const others = [...job.unended].filter((other) => other !== run).map(asUnended);
    const decision = decideStart({ run: asUnended(run), overlap: job.schedule.overlap, others });
    if (!run.held && others.length > 0) job.figures.overlaps += 1;
    if (decision.act === 'skip') {
      job.unended.delete(run);
      run.fire.outcome = 'skipped';
      job.figures.skipped += 1;
      return;
    }
    for (const other of job.unended) {
      if (decision.coalesce.includes(idOf(other))) {
        job.unended.delete(other);
        other.fire.outcome = 'coalesced';
        job.figures.skipped += 1;
      }
      if (decision.act === 'start' && decision.cancel.includes(idOf(other))) {
        job.unended.delete(other);
        other.state = 'ended';
        other.fire.cancelledAt = new Date(now).toISOString();
      }
    }
    if (decision.act === 'hold') {
      run.held = true;
      run.fire.outcome = 'waits';
    } else begin(run, now);
  };

  const arrive = (job: Job, { at, trigger, depth = 0 }: { at: number; trigger: SimulatedFire['trigger']; depth?: number }): void => {
    const due = at + jitterOf({ jobId: job.id, at, jitter: job.schedule.jitter });
    const note = trigger === 'schedule' ? compileSchedule(job.schedule).note(at) : undefined;
    const run: Run = { job, depth, state: 'due', held: false, fire: { job: job.id, at: new Date(at).toISOString(), trigger, outcome: 'waits', ...(note ? { note } : {}) } };
    moments.push(due, () => {
      if (fires.length >= limit) { truncated = true; return; }
      fires.push(run.fire);
      job.figures.fires += 1;
      job.unended.add(run);
      decide(run, due);
    });
  };

  const planNext = (job: Job, after: number): void => {
    const at = compileSchedule(job.schedule).next(after);
    if (at === undefined || at >= end) return;
    arrive(job, { at, trigger: 'schedule' });
    moments.push(at, () => { planNext(job, at); });
  };
  for (const job of book) planNext(job, from.getTime() - 1);
  for (let next = moments.popUntil(end - 1); next !== undefined && !truncated; next = moments.popUntil(end - 1)) next.value();

  return {
    fires, truncated,
    jobs: book.map(({ id, figures }) => ({ job: id, ...figures })),
    origins: [...requests].map(([origin, minutes]) => {
      const [busiest, mostPerMinute] = [...minutes].reduce((most, minute) => (minute[1] > most[1] ? minute : most), [0, 0]);
      return { origin, requests: [...minutes.values()].reduce((sum, one) => sum + one, 0), mostPerMinute, busiestMinute: new Date(busiest * 60_000).toISOString() };
    }),
  };
}

function jobsOf(jobs: readonly SimulatedJob[]): Job[] {
  const book = jobs.map(({ id, definition: { schedule, source } }): Job => {
    const http = 'http' in source ? source.http : undefined;
    return {
      id, schedule, origins: originsOf(http), requests: http?.forEach && 'list' in http.forEach ? http.forEach.list.length : 1,
      children: [], unended: new Set(), figures: { fires: 0, runs: 0, skipped: 0, overlaps: 0, mostAtOnce: 0 },
    };
  });
  const byId = new Map(book.map((job) => [job.id, job]));
  // A run is taken to succeed with changes: a child that waits for a failure is not triggered.
  for (const job of book) for (const trigger of triggersOf(job.schedule)) if ('after' in trigger && trigger.after.on !== 'failed') byId.get(trigger.after.job)?.children.push(job);
  return book;
}

const idOf = ({ job, fire }: Run): string => `${job.id}@${fire.trigger}-${fire.at}`;
const asUnended = (run: Run): UnendedRun => ({ id: idOf(run), state: run.state === 'queued' ? 'queued' : 'due', trigger: run.fire.trigger, attempts: run.state === 'queued' ? 1 : 0, held: run.held ? 'overlap' : undefined });

function count(requests: Map<string, Map<number, number>>, origin: string, minute: number, by: number): void {
  const minutes = requests.get(origin) ?? new Map<number, number>();
  minutes.set(minute, (minutes.get(minute) ?? 0) + by);
  requests.set(origin, minutes);
}
