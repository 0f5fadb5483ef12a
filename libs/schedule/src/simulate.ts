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
  /** Awaited every few milliseconds of work, so that whoever serves others meanwhile can let them in; default goes straight on. */
  readonly pause?: () => Promise<void>;
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
/** Moments between two pauses, and the most that may be planned ahead, as a multiple of the limit: children with a long jitter pile up uncounted. */
const stepSize = 500;
const plannedPerFire = 5;

interface Run {
  readonly job: Job;
  readonly fire: { -readonly [K in keyof SimulatedFire]: SimulatedFire[K] };
  readonly depth: number;
  state: 'due' | 'queued' | 'ended';
}

interface Job {
  readonly id: string;
  readonly schedule: Schedule;
  readonly origins: readonly string[];
  readonly requests: number;
  readonly children: Job[];
  readonly unended: Set<Run>;
  /** Of the unended: those that wait for another of them, and how many have begun. */
  readonly waiting: Set<Run>;
  active: number;
  readonly figures: { fires: number; runs: number; skipped: number; overlaps: number; mostAtOnce: number };
}

/**
 * Runs a set of jobs on a virtual clock, with the leader's own fires and overlap decisions: each run lasts `assumedDuration` and succeeds with changes.
 * Requests are counted where they would be made: one a run and one for each entry of a `forEach` list; pages are unknown.
 */
export async function simulate(jobs: readonly SimulatedJob[], { from, until, assumedDuration, limit = 100_000, pause = straightOn }: SimulationOptions): Promise<Simulation> {
  const untilMs = until.getTime();
  const moments = new MinHeap<() => void>();
  const book = jobsOf(jobs);
  const fires: SimulatedFire[] = [];
  const requests = new Map<string, Map<number, number>>();
  let truncated = false;

  const begin = (run: Run, now: number): void => {
    const { job, fire } = run;
    run.state = 'queued';
    job.waiting.delete(run);
    job.active += 1;
    fire.startsAt = new Date(now).toISOString();
    fire.outcome = 'runs';
    job.figures.runs += 1;
    job.figures.mostAtOnce = Math.max(job.figures.mostAtOnce, job.active);
    for (const origin of job.origins.slice(0, 1)) count(requests, origin, Math.floor(now / 60_000), job.requests);
    moments.push(now + assumedDuration, () => { finish(run, now + assumedDuration); });
  };

  const finish = (run: Run, now: number): void => {
    if (run.state !== 'queued') return; // cancelled meanwhile
    end(run);
    for (const child of run.job.children) if (run.depth < deepest && isWithin(child.schedule, now)) arrive(child, { at: now, trigger: 'after', depth: run.depth + 1 });
    for (const waiting of run.job.waiting) decide(waiting, now);
  };

  const end = (run: Run): void => {
    if (run.state === 'queued') run.job.active -= 1;
    run.state = 'ended';
    run.job.unended.delete(run);
    run.job.waiting.delete(run);
  };

  const decide = (run: Run, now: number): void => {
    const { job } = run;
    const { overlap } = job.schedule;
    // With `allow` nothing depends on the others, and they may be thousands; with the rest there are a few at most.
    const others = overlap === 'allow' ? [] : [...job.unended].filter((other) => other !== run).map(asUnended);
    const decision = decideStart({ run: asUnended(run), overlap, others });
    if (!job.waiting.has(run) && job.unended.size > 1) job.figures.overlaps += 1;
    if (decision.act === 'skip') {
      end(run);
      run.fire.outcome = 'skipped';
      job.figures.skipped += 1;
      return;
    }
    const coalesced = new Set(decision.coalesce);
    const cancelled = new Set(decision.act === 'start' ? decision.cancel : []);
    for (const other of coalesced.size + cancelled.size === 0 ? [] : [...job.unended]) {
      if (coalesced.has(idOf(other))) {
        end(other);
        other.fire.outcome = 'coalesced';
        job.figures.skipped += 1;
      }
      if (cancelled.has(idOf(other))) {
        end(other);
        other.fire.cancelledAt = new Date(now).toISOString();
      }
    }
    if (decision.act === 'hold') {
      job.waiting.add(run);
      run.fire.outcome = 'waits';
    } else begin(run, now);
  };

  const arrive = (job: Job, { at, trigger, depth = 0 }: { at: number; trigger: SimulatedFire['trigger']; depth?: number }): void => {
    if (moments.size >= limit * plannedPerFire + book.length) { truncated = true; return; }
    const due = at + jitterOf({ jobId: job.id, at, jitter: job.schedule.jitter });
    const note = trigger === 'schedule' ? compileSchedule(job.schedule).note(at) : undefined;
    const run: Run = { job, depth, state: 'due', fire: { job: job.id, at: new Date(at).toISOString(), trigger, outcome: 'waits', ...(note ? { note } : {}) } };
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
    if (at === undefined || at >= untilMs) return;
    arrive(job, { at, trigger: 'schedule' });
    moments.push(at, () => { planNext(job, at); });
  };
  for (const [index, job] of book.entries()) {
    planNext(job, from.getTime() - 1);
    if (index % stepSize === stepSize - 1) await pause();
  }
  let steps = 0;
  for (let next = moments.popUntil(untilMs - 1); next !== undefined && !truncated; next = moments.popUntil(untilMs - 1)) {
    next.value();
    steps += 1;
    if (steps % stepSize === 0) await pause();
  }

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
      children: [], unended: new Set(), waiting: new Set(), active: 0, figures: { fires: 0, runs: 0, skipped: 0, overlaps: 0, mostAtOnce: 0 },
    };
  });
  const byId = new Map(book.map((job) => [job.id, job]));
  // A run is taken to succeed with changes: a child that waits for a failure is not triggered.
  for (const job of book) for (const trigger of triggersOf(job.schedule)) if ('after' in trigger && trigger.after.on !== 'failed') byId.get(trigger.after.job)?.children.push(job);
  return book;
}

const straightOn = (): Promise<void> => Promise.resolve();
/** A child is triggered between its schedule's start and end only, as by the leader. */
const isWithin = ({ start, end }: Schedule, at: number): boolean => (start === undefined || at >= Date.parse(start)) && (end === undefined || at <= Date.parse(end));
const idOf = ({ job, fire }: Run): string => `${job.id}@${fire.trigger}-${fire.at}`;
const asUnended = (run: Run): UnendedRun => ({ id: idOf(run), state: run.state === 'queued' ? 'queued' : 'due', trigger: run.fire.trigger, held: run.job.waiting.has(run) ? 'overlap' : undefined });

function count(requests: Map<string, Map<number, number>>, origin: string, minute: number, by: number): void {
  const minutes = requests.get(origin) ?? new Map<number, number>();
  minutes.set(minute, (minutes.get(minute) ?? 0) + by);
  requests.set(origin, minutes);
}
