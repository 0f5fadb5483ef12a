import type { Finding } from '../core/finding.ts';
import { judgeArrivals } from '../core/judgeArrivals.ts';
import { plain, summarize, times } from '../core/statistics.ts';
import type { Bench, BenchRow } from '../parts/bench.ts';
import { bullmqSchedule, celerySchedule } from '../parts/peerSchedules.ts';
import { burst as gleanerBurst } from '../scheduling/burst.ts';
import { lateness as gleanerLateness } from '../scheduling/lateness.ts';
import { loadJobs } from '../scheduling/loadJobs.ts';
import type { SchedulingRow } from '../scheduling/schedulingBench.ts';

const hour = 3_600_000;
const peers = [
  { name: 'BullMQ job schedulers', run: bullmqSchedule },
  { name: 'Celery beat', run: celerySchedule },
] as const;
const peerNote = 'Peers: from the planned moment to the start of the task in one waiting worker; redis-server without persistence, beat with its schedule in memory. Gleaner: to the moment that the broker has confirmed the tick in a quorum queue, as the run says.';

/** Lets each peer do a plan and says how late it was, one after another: two cores are too few for them at once. */
async function peerLateness(bench: Bench, { entries, apart, withinMs }: { readonly entries: number; readonly apart: number; readonly withinMs: number }): Promise<readonly { readonly name: string; readonly late: readonly number[]; readonly lost: number; readonly doubled: number }[]> {
  const results = [];
  for (const { name, run } of peers) {
    const first = Date.now() + bench.pick(45_000, 10_000);
    const plan = { entries, first, apart, every: hour };
    const { arrivals, loadMs } = await run({ bench, plan, until: first + entries * apart + withinMs });
    bench.log(`${name}: ${arrivals.length} of ${entries} arrived; loaded in ${plain(loadMs)} ms`);
    results.push({ name, ...judgeArrivals({ plan, arrivals, until: first + entries * apart + 1 }) });
  }
  return results;
}

const figure = (rows: readonly SchedulingRow[], name: string): SchedulingRow => {
  const row = rows.find((candidate) => candidate.name === name);
  if (!row) throw new Error(`expected a figure named ${name}; saw ${rows.map((candidate) => candidate.name).join(', ')}`);
  return row;
};
const missing = ({ lost, doubled }: { readonly lost?: unknown; readonly doubled?: unknown; readonly [fact: string]: unknown }): string => `lost ${String(lost)}, doubled ${String(doubled)}`;

export const lateness: BenchRow = {
  name: 'lateness',
  title: 'tick lateness, 10,000 jobs spread over a minute',
  run: async (bench) => {
    const [jobs, spreadMs] = [bench.pick(10_000, 300), bench.pick(60_000, 5_000)];
    const rows = await gleanerLateness({ servers: bench.servers, jobs, spreadMs });
    const [p50, p99] = [figure(rows, 'tick lateness p50'), figure(rows, 'tick lateness p99')];
    const others = await peerLateness(bench, { entries: jobs, apart: spreadMs / jobs, withinMs: bench.pick(15_000, 3_000) });
    // A peer that lost ticks was not on time with them.
    const isBetterThan = ({ late, lost }: { readonly late: readonly number[]; readonly lost: number }): boolean => lost > 0 || (summarize(late).p50 > p50.value && summarize(late).p99 > p99.value);
    const whole = p50['lost'] === 0 && p50['doubled'] === 0;
    return [
      {
        what: `tick lateness, ${plain(jobs)} jobs spread over ${plain(spreadMs / 1_000)} s`, wanted: 'p50 ≤ 3 ms, p99 ≤ 10 ms, none lost, none doubled', note: peerNote,
        measured: `p50 ${plain(p50.value)} ms, p99 ${plain(p99.value)} ms, max ${plain(Number(p50['maxMs']))} ms; ${missing(p50)}`, beside: '',
        reached: p50.value <= 3 && p99.value <= 10 && whole,
      },
      ...others.map((other): Finding => ({ what: `tick lateness, beside ${other.name}`, wanted: 'better', measured: `p50 ${plain(summarize(other.late).p50 / p50.value)} ×, p99 ${plain(summarize(other.late).p99 / p99.value)} × less`, beside: `${other.name}: ${times(other.late)}; ${missing(other)}`, reached: isBetterThan(other) })),
    ];
  },
};

export const burst: BenchRow = {
  name: 'burst',
  title: '10,000 jobs due in the same second',
  run: async (bench) => {
    const jobs = bench.pick(10_000, 300);
    const all = figure(await gleanerBurst({ servers: bench.servers, jobs }), 'burst until all are confirmed');
    const others = await peerLateness(bench, { entries: jobs, apart: 0, withinMs: bench.pick(120_000, 5_000) });
    return [
      { what: `${plain(jobs)} jobs due at one moment, until all are confirmed`, wanted: '≤ 1 s', measured: `${plain(all.value)} ms; ${missing(all)}`, beside: '', reached: all.value <= 1_000 && all['lost'] === 0 && all['doubled'] === 0, note: peerNote },
      ...others.map((other): Finding => ({ what: `the burst, beside ${other.name}`, wanted: '', measured: `${plain(summarize(other.late).max / all.value)} × faster`, beside: `${other.name}: the last after ${plain(summarize(other.late).max)} ms; ${missing(other)}` })),
    ];
  },
};

export const load: BenchRow = {
  name: 'load',
  title: '100,000 jobs loaded',
  run: async (bench) => {
    const jobs = bench.pick(100_000, 1_000);
    const rows = await loadJobs({ servers: bench.servers, jobs });
    const [ready, memory] = [figure(rows, 'jobs loaded, ready after'), figure(rows, 'jobs loaded, memory')];
    // The first entry is due at once, so that beat shows when it is ready; the others lie too far away to matter.
    const findings: Finding[] = [];
    for (const { name, run } of peers) {
      const first = Date.now();
      const { loadMs, memory: mebibytes } = await run({ bench, plan: { entries: jobs, first, apart: hour, every: 1_000_000 * hour }, until: first + bench.pick(180_000, 15_000) });
      findings.push({ what: `${plain(jobs)} jobs, beside ${name}`, wanted: '', measured: `${plain(loadMs / ready.value)} × faster, ${plain(mebibytes / memory.value)} × less memory`, beside: `${name}: ${plain(loadMs / 1_000)} s, ${plain(mebibytes)} MiB` });
    }
    const note = 'A restart: from the start of the process to the lease taken and every job at hand. BullMQ: adding the schedulers; worker and redis-server together. Celery beat: from its start to its first task.';
    return [
      { what: `${plain(jobs)} jobs, ready after`, wanted: '≤ 5 s', measured: `${plain(ready.value / 1_000)} s`, beside: '', reached: ready.value <= 5_000, note },
      { what: `${plain(jobs)} jobs, memory of the scheduler`, wanted: '≤ 250 MB', measured: `${plain(memory.value)} MiB (peak ${plain(Number(memory['peakMiB']))})`, beside: '', reached: memory.value * 1.048_576 <= 250 },
      ...findings,
    ];
  },
};
