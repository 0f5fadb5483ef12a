import { describe, expect, it } from '@jest/globals';
import { scheduleSchema, type Schedule } from '@gleaner/contracts';
import { accountFires, type JobSpan, type LedgerRow } from './accountFires.ts';
import { compileSchedule } from './compileSchedule.ts';
import { jitterOf } from './jitterOf.ts';

/**
 * A year of random jobs, edits, pauses and outages on a virtual clock. The ledger that the leader's own code writes is compared
 * with an enumeration that knows only what the design says of each single fire: nothing lost, nothing twice, nothing unexplained.
 */
const yearStart = Date.UTC(2026, 0, 1);
const yearEnd = Date.UTC(2027, 0, 1);
const minute = 60_000;
const hour = 60 * minute;
const ahead = 500;
const lateAfter = 10_000;

/** mulberry32: the same year for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let hash = Math.imul(state ^ (state >>> 15), 1 | state);
    hash = (hash + Math.imul(hash ^ (hash >>> 7), 61 | hash)) ^ hash;
    return ((hash ^ (hash >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A schedule, and its fires by the plainest means: multiples, or every listed minute of every listed hour of every listed weekday. */
interface Plan {
  readonly schedule: Schedule;
  readonly fires: (from: number, until: number) => number[];
}

function randomPlan(next: () => number): Plan {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const policy = { misfire: pick(['latest', 'all', 'none'] as const), grace: pick([0, 5 * minute, 6 * hour, 24 * hour, 400 * 24 * hour]), jitter: pick([0, 0, 0, 30_000, 20 * minute, 7 * hour]) };
  if (next() < 0.5) {
    const every = pick([53 * minute, 190 * minute, 7 * hour, 25 * hour, 181 * minute + 1]);
    const start = next() < 0.5 ? undefined : yearStart + Math.floor(next() * 100 * 24 * hour);
    return {
      schedule: scheduleSchema.parse({ every, ...policy, ...(start === undefined ? {} : { start: new Date(start).toISOString() }) }),
      fires: (from, until) => {
        const anchor = start ?? 0;
        const hits: number[] = [];
        for (let at = anchor + Math.max(0, Math.ceil((from - anchor) / every)) * every; at < until; at += every) hits.push(at);
        return start === undefined ? hits : hits.filter((at) => at >= start);
      },
    };
  }
  const some = (size: number, least: number, most: number): number[] => [...new Set(Array.from({ length: size }, () => least + Math.floor(next() * (most - least + 1))))];
  const [minutes, hours, days] = [some(1 + Math.floor(next() * 3), 0, 59), some(1 + Math.floor(next() * 5), 0, 23), some(1 + Math.floor(next() * 7), 0, 6)];
  return {
    schedule: scheduleSchema.parse({ cron: `${minutes.join(',')} ${hours.join(',')} * * ${days.join(',')}`, ...policy }),
    fires: (from, until) => {
      const hits: number[] = [];
      for (let day = Math.floor(from / (24 * hour)) * 24 * hour; day < until; day += 24 * hour)
        if (days.includes(new Date(day).getUTCDay())) for (const h of hours) for (const m of minutes) hits.push(day + h * hour + m * minute);
      return hits.filter((at) => at >= from && at < until).sort((a, b) => a - b);
    },
  };
}

interface Version extends JobSpan {
  readonly plan: Plan;
}

interface Job {
  readonly id: string;
  readonly versions: readonly Version[];
}

function randomJob(id: string, next: () => number): Job {
  const created = yearStart + Math.floor(next() * 30 * 24 * hour);
  const changes = Array.from({ length: Math.floor(next() * 6) }, () => created + 1 + Math.floor(next() * (yearEnd - created))).sort((a, b) => a - b);
  let plan = randomPlan(next);
  let paused = false;
  const versions: Version[] = [{ from: created, version: 1, paused, schedule: plan.schedule, plan }];
  for (const [index, from] of [...new Set(changes)].entries()) {
    const what = next();
    if (what < 0.4) plan = randomPlan(next);
    else paused = !paused;
    const deleted = what > 0.97 && index === changes.length - 1;
    versions.push({ from, version: index + 2, paused, schedule: plan.schedule, plan, ...(deleted ? { deleted } : {}) });
    if (deleted) break;
  }
  return { id, versions };
}

/** When a leader is there: from, until. */
function randomDuty(next: () => number): { readonly from: number; readonly until: number }[] {
  const duty: { from: number; until: number }[] = [];
  for (let at = yearStart; at < yearEnd;) {
    const until = at + Math.floor((next() < 0.3 ? 2 * hour : 20 * 24 * hour) * next());
    duty.push({ from: at, until: Math.min(until, yearEnd) });
    at = until + Math.floor((next() < 0.5 ? 30_000 : next() < 0.8 ? 10 * hour : 10 * 24 * hour) * next());
  }
  return duty;
}

/** Rows by id, as the collection keeps them: a row that is there already is not written again. */
function keepLedger(job: Job, duty: readonly { readonly from: number; readonly until: number }[], next: () => number): LedgerRow[] {
  const rows = new Map<string, LedgerRow>();
  const first = job.versions[0] as Version;
  let through = first.from - 1;
  let seen = 1;
  for (const { from, until } of duty) {
    let now = Math.max(from, first.from);
    while (now < until) {
      // What has changed since: rows inserted ahead of the change are taken back, as withdrawAhead does.
      const known = job.versions.filter((version) => version.from <= now);
      for (const change of known.slice(seen)) {
        if (change.from > through) continue;
        for (const [id, row] of rows) if (row.kind === 'fire' && row.at >= change.from && row.dueAt > now) { rows.delete(id); through = Math.min(through, row.at - 1); }
        through = Math.max(through, change.from - 1);
      }
      seen = known.length;
      const account = accountFires({ jobId: job.id, spans: known, through, now, ahead, lateAfter, limit: 500 });
      for (const row of account.rows) {
        const id = `${row.kind} ${row.at}`;
        if (rows.has(id)) throw new Error(`${job.id}: ${id} twice`);
        rows.set(id, row);
      }
      // Now and then a leader dies after its rows and before its watermark: only single coming fires go without a transaction.
      const [only] = account.rows;
      const died = account.rows.length === 1 && only?.kind === 'fire' && !only.catchUp && next() < 0.01;
      through = account.through;
      if (died) { rows.delete(`fire ${only.at}`); through = only.at - 1; }
      if (account.more) continue;
      const change = job.versions.find((version) => version.from > now)?.from ?? Number.POSITIVE_INFINITY;
      const wake = died ? now : Math.max(now + 1, (account.nextFire ?? Number.POSITIVE_INFINITY) - ahead);
      if (died) continue;
      now = Math.min(wake, change);
    }
  }
  return [...rows.values()].sort((a, b) => a.at - b.at);
}

type Fate = 'run' | 'missed' | 'paused' | 'open';

/** What the design says of each fire by itself. */
function fatesOf(job: Job, duty: readonly { readonly from: number; readonly until: number }[]): { readonly at: number; readonly fate: Fate }[] {
  const first = job.versions[0] as Version;
  const fires = job.versions.flatMap((version, index) => {
    const until = job.versions[index + 1]?.from ?? yearEnd + 24 * hour;
    return version.deleted ? [] : version.plan.fires(Math.max(version.from, first.from), until).map((at) => ({ at, version, index }));
  });
  const dueOf = ({ at, version }: (typeof fires)[number]): number => at + jitterOf({ jobId: job.id, at, jitter: version.schedule.jitter });
  let shift = 0;
  /** The first moment at which a leader that knows this version can give the fire its row. */
  const reached = ({ at, version }: (typeof fires)[number]): number | undefined => {
    const earliest = Math.max(at - ahead, version.from);
    while ((duty[shift]?.until ?? Number.POSITIVE_INFINITY) <= earliest) shift += 1; // fires come in order, so do the shifts that reach them
    for (const { from, until } of duty.slice(shift, shift + 50)) {
      const moment = Math.max(earliest, from, first.from);
      if (moment < until) return moment;
    }
    return undefined;
  };
  const pauseEnd = (index: number): number | undefined => {
    for (let later = index + 1; later < job.versions.length; later += 1) { const version = job.versions[later] as Version; if (!version.paused || version.deleted) return version.from; }
    return undefined;
  };
  const isLaterDue = (place: number, found: number): boolean => {
    for (let later = place + 1; later < fires.length; later += 1) {
      const other = fires[later] as (typeof fires)[number];
      if (other.at > found) return false; // nothing is due before its own moment
      if (!other.version.paused && other.version.from <= found && dueOf(other) <= found) return true;
    }
    return false;
  };
  return fires.map((fire, place) => {
    const { at, version, index } = fire;
    const found = reached(fire);
    if (version.paused) {
      const end = pauseEnd(index);
      return { at, fate: end !== undefined && duty.some(({ until }) => until > end && until > at) ? 'paused' : 'open' };
    }
    if (found === undefined) return { at, fate: 'open' };
    const deletedAt = job.versions.find(({ deleted }) => deleted)?.from;
    if (deletedAt !== undefined && found >= deletedAt) return { at, fate: 'missed' };
    const late = found - dueOf(fire);
    if (late < 0) return { at, fate: 'run' };
    const { misfire, grace } = version.schedule;
    const laterDue = misfire === 'latest' && late <= grace && isLaterDue(place, found);
    const missed = late > grace || (misfire === 'none' && late > lateAfter) || (misfire === 'latest' && laterDue);
    return { at, fate: missed ? 'missed' : 'run' };
  });
}

describe('a year of 200 jobs', () => {
  it.each([1])('with outages, edits and pauses is accounted for fire by fire (seed %i)', (seed) => {
    const next = random(seed);
    const faults: object[] = [];
    const totals = { run: 0, missed: 0, paused: 0 };
    for (let index = 0; index < 200; index += 1) {
      const job = randomJob(`job-${seed}-${index}`, next);
      const duty = randomDuty(next);
      const rows = keepLedger(job, duty, next);
      const fates = fatesOf(job, duty);
      const runs = rows.flatMap((row) => (row.kind === 'fire' ? [row.at] : []));
      const wantedRuns = fates.flatMap(({ at, fate }) => (fate === 'run' ? [at] : []));
      if (runs.join() !== wantedRuns.join()) faults.push({ job: job.id, ran: runs.filter((at) => !wantedRuns.includes(at)), didNotRun: wantedRuns.filter((at) => !runs.includes(at)) });
      for (const kind of ['missed', 'paused'] as const) {
        const wanted = fates.filter(({ fate }) => fate === kind).length;
        const stretches = rows.flatMap((row) => (row.kind === kind ? [row] : []));
        let place = 0;
        // Each stretch holds as many as it says, none of them outside, and nothing else lies between its first and its last.
        for (const { at, through, count } of stretches) {
          while ((fates[place]?.at ?? Number.POSITIVE_INFINITY) < at) place += 1;
          let inside = 0;
          for (let fire = fates[place]; fire !== undefined && fire.at <= through; fire = fates[place += 1]) {
            inside += 1;
            if (fire.fate !== kind) faults.push({ job: job.id, kind, at, holds: fire });
          }
          if (inside !== count) faults.push({ job: job.id, kind, at, count, inside });
        }
        const counted = stretches.reduce((sum, { count }) => sum + count, 0);
        if (counted !== wanted) faults.push({ job: job.id, kind, counted, wanted });
        totals[kind] += wanted;
      }
      totals.run += runs.length;
    }
    expect(faults).toEqual([]);
    // The year must really hold some of everything.
    expect(totals.run).toBeGreaterThan(50_000);
    expect(totals.missed).toBeGreaterThan(5_000);
    expect(totals.paused).toBeGreaterThan(5_000);
  }, 240_000);
});

describe('counting', () => {
  it('agrees with walking', () => {
    const next = random(7);
    for (let index = 0; index < 60; index += 1) {
      const { schedule, fires } = randomPlan(next);
      const from = yearStart + Math.floor(next() * 100 * 24 * hour);
      const until = from + Math.floor(next() * 60 * 24 * hour);
      const expected = fires(from + 1, until + 1);
      const compiled = compileSchedule(schedule);
      expect(compiled.count(from, until)).toBe(expected.length);
      expect(compiled.last(from, until)).toBe(expected.at(-1));
    }
  });
});
