import { describe, expect, it } from '@jest/globals';
import { scheduleSchema, type Schedule, type Trigger } from '@gleaner/contracts';
import { accountFires, type JobSpan, type LedgerRow } from './accountFires.ts';
import { compileSchedule } from './compileSchedule.ts';
import { jitterOf } from './jitterOf.ts';

/**
 * A year of random jobs, edits, pauses, deletions, outages and crashes on a virtual clock. The ledger that the leader's own code writes is compared
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

const zones = ['UTC', 'Europe/Kyiv', 'America/New_York', 'Australia/Lord_Howe'] as const;
const halfHour = 30 * minute;
const tableStart = yearStart - 10 * 24 * hour;

/** A zone's offset in each half hour of the year, asked of Intl one by one. */
const offsetsOf = (zone: string): readonly number[] => {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' });
  return Array.from({ length: (385 * 24 * hour) / halfHour }, (_, index) => {
    const at = tableStart + index * halfHour;
    const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(part['year'] as number, (part['month'] as number) - 1, part['day'], part['hour'], part['minute']) - at;
  });
};
const offsets = new Map(zones.map((zone) => { const table = offsetsOf(zone); return [zone, { table, known: [...new Set(table)].sort((a, b) => b - a) }] as const; }));

/** The moments that a local time (as if it were UTC) is: none in a gap but for `shift`, two in a fold but for `first` and `second`. */
function momentsOf(local: number, zone: (typeof zones)[number], { gap, fold }: Schedule['dst']): number[] {
  const { table, known } = offsets.get(zone) ?? { table: [], known: [] };
  const found = known.flatMap((offset) => (table[Math.floor((local - offset - tableStart) / halfHour)] === offset ? [local - offset] : []));
  if (found.length === 0) return gap === 'shift' ? [local - (known.at(-1) as number)] : [];
  return fold === 'first' ? found.slice(0, 1) : fold === 'second' ? found.slice(-1) : found;
}

function randomPlan(next: () => number): Plan {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const policy = { misfire: pick(['latest', 'all', 'none'] as const), grace: pick([0, 5 * minute, 6 * hour, 24 * hour, 400 * 24 * hour]), jitter: pick([0, 0, 0, 30_000, 20 * minute, 7 * hour]) };
  const timezone = pick(zones);
  const dst = { gap: pick(['shift', 'skip'] as const), fold: pick(['first', 'second', 'both'] as const) };
  const start = next() < 0.4 ? yearStart + Math.floor(next() * 100 * 24 * hour) : undefined;
  const end = next() < 0.2 ? yearStart + Math.floor((150 + next() * 200) * 24) * hour : undefined;
  const some = (size: number, least: number, most: number): number[] => [...new Set(Array.from({ length: size }, () => least + Math.floor(next() * (most - least + 1))))];
  type Part = { readonly trigger: Trigger; readonly moments: (from: number, until: number) => number[] };
  const every = (): Part => {
    const step = pick([53 * minute, 190 * minute, 7 * hour, 25 * hour, 181 * minute + 1]);
    const anchor = start ?? 0;
    return { trigger: { every: step }, moments: (from, until) => Array.from({ length: Math.max(0, Math.ceil((until - anchor) / step) - Math.ceil((from - anchor) / step)) }, (_, index) => anchor + (Math.ceil((from - anchor) / step) + index) * step) };
  };
  const cron = (): Part => {
    const [minutes, hours, days] = [some(1 + Math.floor(next() * 3), 0, 59), some(1 + Math.floor(next() * 5), 0, 23), some(1 + Math.floor(next() * 7), 0, 6)];
    return {
      trigger: { cron: `${minutes.join(',')} ${hours.join(',')} * * ${days.join(',')}` },
      moments: (from, until) => {
        const hits: number[] = [];
        for (let day = (Math.floor(from / (24 * hour)) - 1) * 24 * hour; day < until + 24 * hour; day += 24 * hour)
          if (days.includes(new Date(day).getUTCDay())) for (const h of hours) for (const m of minutes) hits.push(...momentsOf(day + h * hour + m * minute, timezone, dst));
        return hits;
      },
    };
  };
  const once = (): Part => {
    const at = yearStart + Math.floor(next() * 365 * 24 * 60) * minute;
    return { trigger: { at: new Date(at).toISOString() }, moments: () => [at] };
  };
  const kind = next();
  const parts = kind < 0.4 ? [every()] : kind < 0.75 ? [cron()] : kind < 0.8 ? [once()] : [every(), cron(), ...(next() < 0.5 ? [cron(), once(), once()] : [])];
  const [only] = parts;
  const schedule = scheduleSchema.parse({
    ...(parts.length === 1 ? only?.trigger : { any: parts.map(({ trigger }) => trigger) }), ...policy, timezone, dst,
    ...(start === undefined ? {} : { start: new Date(start).toISOString() }), ...(end === undefined ? {} : { end: new Date(end).toISOString() }),
  });
  return {
    schedule,
    fires: (from, until) => [...new Set(parts.flatMap(({ moments }) => moments(from, until)))]
      .filter((at) => at >= from && at < until && at >= (start ?? at) && at <= (end ?? at)).sort((a, b) => a - b),
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
  let plan = randomPlan(next);
  let paused = false;
  const versions: Version[] = [{ from: created, version: 1, paused, schedule: plan.schedule, plan }];
  const changes = Array.from({ length: Math.floor(next() * 7) }, () => created + 1 + Math.floor(next() * (yearEnd - created))).sort((a, b) => a - b);
  for (const planned of changes) {
    const before = versions.at(-1) as Version;
    // Half of the changes come within the second in which a fire gets its row and its run.
    const near = next() < 0.5 ? before.plan.fires(planned, planned + 3 * 24 * hour)[0] : undefined;
    const from = near === undefined ? planned : near - 700 + Math.floor(next() * 900);
    if (from <= before.from || from >= yearEnd) continue;
    const what = next();
    const deleted = before.deleted !== true && what > 0.85;
    if (before.deleted === true) {
      plan = randomPlan(next); // made again
      paused = false;
    } else if (what < 0.4) plan = randomPlan(next);
    else if (!deleted) paused = !paused;
    versions.push({ from, version: before.version + 1, paused, schedule: plan.schedule, plan, ...(deleted ? { deleted } : {}) });
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

type Duty = readonly { readonly from: number; readonly until: number }[];

/**
 * Rows by id, as the collection keeps them: a row that is there already is not written again. Leaders die, now and then between a row and its watermark:
 * what is left then is read as the leader's book reads it. The duty that was really done comes back with the rows.
 */
function keepLedger(job: Job, planned: Duty, next: () => number): { readonly rows: LedgerRow[]; readonly duty: Duty; readonly orphans: number } {
  const rows = new Map<string, LedgerRow>();
  const duty: { from: number; until: number }[] = [];
  const first = job.versions[0] as Version;
  let through = first.from - 1;
  let seen = 1;
  let orphans = 0;
  /** Until when somebody has been there to start what was due. */
  let watched = first.from;
  const newest = (): number => { let reach = Number.NEGATIVE_INFINITY; for (const row of rows.values()) reach = Math.max(reach, row.kind === 'fire' ? row.at : row.through); return reach; };
  for (const { from, until } of planned) {
    let now = Math.max(from, first.from);
    let dead = false;
    while (now < until && !dead) {
      // What has changed since: rows inserted ahead of the change and not started are taken back, as withdrawAhead does.
      const known = job.versions.filter((version) => version.from <= now);
      for (const change of known.slice(seen)) {
        const ahead = [...rows].filter(([, row]) => row.kind === 'fire' && row.at >= change.from && row.dueAt > watched);
        for (const [id] of ahead) rows.delete(id);
        if (ahead.length > 0) through = Math.min(through, Math.max(change.from - 1, newest()));
      }
      seen = known.length;
      watched = now;
      const account = accountFires({ jobId: job.id, spans: known, through, now, ahead, lateAfter, limit: 500 });
      const [only] = account.rows;
      const plain = account.rows.length === 1 && only?.kind === 'fire' && !only.catchUp;
      if (!plain && only !== undefined && rows.has(`fire ${only.at}`)) {
        through = Math.max(through, newest()); // an orphan: its job is read anew, rows included
        continue;
      }
      for (const row of account.rows) {
        const id = `${row.kind} ${row.at}`;
        if (rows.has(id) && !plain) throw new Error(`${job.id}: ${id} twice`);
        if (!rows.has(id)) rows.set(id, row);
      }
      // A leader dies after its row and before its watermark: only a single coming fire goes without a transaction. The next one comes at once or much later.
      if (plain && next() < 0.03) {
        orphans += 1;
        dead = next() < 0.5;
        if (dead) duty.push({ from, until: now + 1 });
        else now += 1;
        continue;
      }
      through = account.through;
      if (account.more) continue;
      const change = job.versions.find((version) => version.from > now)?.from ?? Number.POSITIVE_INFINITY;
      now = Math.min(Math.max(now + 1, (account.nextFire ?? Number.POSITIVE_INFINITY) - ahead), change);
    }
    if (!dead) {
      duty.push({ from, until });
      watched = Math.max(watched, until);
    }
  }
  return { rows: [...rows.values()].sort((a, b) => a.at - b.at), duty, orphans };
}

type Fate = 'run' | 'misfire' | 'grace' | 'job deleted' | 'paused' | 'open';

/** What the design says of each fire by itself. */
function fatesOf(job: Job, duty: Duty): { readonly at: number; readonly fate: Fate; readonly version: number }[] {
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
    const fate = ((): Fate => {
      if (version.paused) {
        const end = pauseEnd(index);
        return end !== undefined && duty.some(({ until }) => until > end && until > at) ? 'paused' : 'open';
      }
      if (found === undefined) return 'open';
      // Its own life of the job is over; another may have begun.
      const deletedAt = job.versions.find((later) => later.deleted && later.from > version.from)?.from;
      if (deletedAt !== undefined && found >= deletedAt) return 'job deleted';
      const late = found - dueOf(fire);
      if (late < 0) return 'run';
      const { misfire, grace } = version.schedule;
      if (late > grace) return 'grace';
      return (misfire === 'none' && late > lateAfter) || (misfire === 'latest' && isLaterDue(place, found)) ? 'misfire' : 'run';
    })();
    return { at, fate, version: version.version };
  });
}

const kindOf = (fate: Fate): 'run' | 'paused' | 'missed' | 'open' => (fate === 'run' || fate === 'paused' || fate === 'open' ? fate : 'missed');

describe('a year of 200 jobs', () => {
  const totals: Record<Fate, number> = { 'run': 0, 'misfire': 0, 'grace': 0, 'job deleted': 0, 'paused': 0, 'open': 0 };
  let orphans = 0;

  it.each([1, 2, 3, 4])('with outages, crashes, edits, pauses and deletions is accounted for fire by fire (seed %i)', (seed) => {
    const next = random(seed);
    const faults: object[] = [];
    for (let index = 0; index < 50; index += 1) {
      const job = randomJob(`job-${seed}-${index}`, next);
      const kept = keepLedger(job, randomDuty(next), next);
      const { rows } = kept;
      orphans += kept.orphans;
      const fates = fatesOf(job, kept.duty);
      for (const { fate } of fates) totals[fate] += 1;
      const runs = rows.flatMap((row) => (row.kind === 'fire' ? [`${new Date(row.at).toISOString()} v${row.version}`] : []));
      const wantedRuns = fates.flatMap(({ at, fate, version }) => (fate === 'run' ? [`${new Date(at).toISOString()} v${version}`] : []));
      const [ran, wanted] = [new Set(runs), new Set(wantedRuns)];
      if (runs.join() !== wantedRuns.join()) faults.push({ seed, job: job.id, ran: runs.filter((at) => !wanted.has(at)), didNotRun: wantedRuns.filter((at) => !ran.has(at)) });
      for (const kind of ['missed', 'paused'] as const) {
        const stretches = rows.flatMap((row) => (row.kind === kind ? [row] : []));
        let place = 0;
        // Each stretch holds as many as it says, none of them outside, and nothing else lies between its first and its last; it says why and for which version as its last does.
        for (const row of stretches) {
          const { at, through, count } = row;
          while ((fates[place]?.at ?? Number.POSITIVE_INFINITY) < at) place += 1;
          const firstAt = fates[place]?.at;
          let inside = 0;
          let last: (typeof fates)[number] | undefined;
          for (let fire = fates[place]; fire !== undefined && fire.at <= through; fire = fates[place += 1]) {
            inside += 1;
            last = fire;
            if (kindOf(fire.fate) !== kind) faults.push({ seed, job: job.id, kind, at, holds: fire });
          }
          const says = { at: firstAt, through: last?.at, count: inside, reason: last?.fate, version: last?.version };
          const said = { at, through, count, reason: row.kind === 'missed' ? row.reason : row.kind, version: row.version };
          if (JSON.stringify(says) !== JSON.stringify(said)) faults.push({ seed, job: job.id, said, says });
        }
        const counted = stretches.reduce((sum, { count }) => sum + count, 0);
        const owed = fates.filter(({ fate }) => kindOf(fate) === kind).length;
        if (counted !== owed) faults.push({ seed, job: job.id, kind, counted, owed });
      }
    }
    expect(faults).toEqual([]);
  }, 240_000);

  it('holds some of everything', () => {
    expect(totals.run).toBeGreaterThan(50_000);
    for (const fate of ['misfire', 'grace', 'paused'] as const) expect(totals[fate]).toBeGreaterThan(2_000);
    expect(totals['job deleted']).toBeGreaterThan(200);
    expect(orphans).toBeGreaterThan(500);
  });
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
