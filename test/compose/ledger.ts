import assert from 'node:assert/strict';
import type { LetterAnswer, RunAnswer, SnapshotAnswer } from '@gleaner/contracts';
import { callManagement } from '../support/brokerManagement.ts';
import { until } from '../support/until.ts';
import type { GatewayApi } from './gatewayApi.ts';

const UNENDED = new Set(['due', 'queued', 'running', 'retrying']);
const SHOWN = new Set(['succeeded', 'unchanged']);

export interface LedgerCount {
  readonly runs: number;
  readonly snapshots: number;
}

interface Accounts {
  readonly api: GatewayApi;
  readonly management: string;
  /** Jobs that fire every second. */
  readonly firing: readonly string[];
  /** Runs asked for, by job. */
  readonly asked: ReadonlyMap<string, readonly string[]>;
  /** How many letters there should be by now, in any state. */
  readonly letters?: number;
}

/**
 * Pauses the jobs that fire, waits until nothing moves, and holds every account against the others: each second of a firing
 * job is one row, each run asked for is there once and succeeded, each run that succeeded has one snapshot and one value of
 * its own, no queue holds anything, and no letter lies there but those expected. A new leader may still have to account for
 * what fell due without one, so the books get a minute to agree. Resumes the jobs.
 */
export async function assertLedger(accounts: Accounts): Promise<LedgerCount> {
  const { api, firing } = accounts;
  for (const job of firing) await api.ask('POST', `/v1/jobs/${job}/pause`);
  let count: LedgerCount | undefined;
  await until(async () => {
    await untilQuiet(accounts);
    count = await holdAccounts(accounts);
    return true;
  }, { timeout: 60_000, interval: 500, what: 'the books agreeing' });
  for (const job of firing) await api.ask('POST', `/v1/jobs/${job}/resume`);
  return count ?? { runs: 0, snapshots: 0 };
}

async function holdAccounts({ api, firing, asked, letters = 0 }: Accounts): Promise<LedgerCount> {
  let runCount = 0;
  let snapshotCount = 0;
  for (const job of [...firing, ...asked.keys()]) {
    const runs = await listAll<RunAnswer>(api, `/v1/runs?job=${job}`, 'runs');
    const snapshots = await listAll<SnapshotAnswer>(api, `/v1/jobs/${job}/snapshots`, 'snapshots');
    const wrong = runs.filter(({ state }) => !SHOWN.has(state) && state !== 'skipped' && state !== 'missed');
    assert.deepEqual(wrong, [], `${job}: every run succeeded, or is a fire that was skipped or missed`);
    assert.equal(new Set(runs.map(({ id }) => id)).size, runs.length, `${job}: no run is listed twice`);
    const mine = asked.get(job);
    if (mine === undefined) assertEverySecond(job, runs);
    else assert.deepEqual(runs.map(({ id }) => id).toSorted(), mine.toSorted(), `${job}: exactly the runs that were asked for`);
    const shown = runs.filter(({ state }) => SHOWN.has(state));
    assert.deepEqual(snapshots.map(({ run }) => run).toSorted(), shown.map(({ id }) => id).toSorted(), `${job}: one snapshot for each run that succeeded`);
    await assertValues(api, job, shown.length);
    runCount += runs.length;
    snapshotCount += snapshots.length;
  }
  const found = await listAll<LetterAnswer>(api, '/v1/dead-letters', 'letters');
  assert.equal(found.length, letters, `letters: ${JSON.stringify(found.slice(0, 3))}`);
  return { runs: runCount, snapshots: snapshotCount };
}

/** Waits until no run is under way and no queue holds a message. */
async function untilQuiet({ api, management }: Pick<Accounts, 'api' | 'management'>): Promise<void> {
  const look = async (): Promise<{ runs: string[]; queues: string[] }> => {
    const { runs } = await api.ask<{ runs: RunAnswer[] }>('GET', '/v1/runs?state=due,queued,running,retrying&limit=1000');
    const queues = await callManagement(management, 'GET', '/api/queues/%2F?disable_stats=true&enable_queue_totals=true') as { name: string; messages?: number }[];
    return {
      runs: runs.filter(({ state }) => UNENDED.has(state)).map(({ id, state, held }) => `${id} ${state} ${held ?? ''}`),
      queues: queues.filter(({ messages = 0 }) => messages > 0).map(({ name, messages }) => `${name}: ${messages}`),
    };
  };
  await until(async () => {
    const { runs, queues } = await look();
    return runs.length === 0 && queues.length === 0;
  }, { timeout: 120_000, interval: 200, what: 'nothing moving any more', see: look });
}

/** Every second between the first row and the last is accounted for, once. */
function assertEverySecond(job: string, runs: readonly RunAnswer[]): void {
  const seconds = runs.flatMap((run) => {
    const first = Date.parse(run.scheduledAt);
    const last = run.through === undefined ? first : Date.parse(run.through);
    const covered = Array.from({ length: (last - first) / 1_000 + 1 }, (_, index) => first + index * 1_000);
    if (run.count !== undefined) assert.equal(run.count, covered.length, `${job}: ${run.id} counts the fires that it stands for`);
    return covered;
  }).toSorted((a, b) => a - b);
  const breaks = seconds.flatMap((second, index) => {
    const before = seconds[index - 1] ?? second - 1_000;
    return second - before === 1_000 ? [] : [`${new Date(before).toISOString()} is followed by ${new Date(second).toISOString()}`];
  });
  const near = runs.filter(({ scheduledAt, through = scheduledAt }) => breaks.some((text) => text.includes(scheduledAt) || text.includes(through)));
  assert.deepEqual(breaks, [], `${job}: each second once, none left out; the rows there: ${JSON.stringify(near)}`);
}

/** The upstream gives each answer a number of its own, so there are as many values as snapshots, and none twice. */
async function assertValues(api: GatewayApi, job: string, snapshots: number): Promise<void> {
  const versions = await listAll<{ data?: { value: number } }>(api, `/v1/jobs/${job}/history?key=n`, 'versions');
  const values = versions.map(({ data }) => data?.value);
  assert.equal(new Set(values).size, values.length, `${job}: no value twice`);
  assert.equal(values.length, snapshots, `${job}: one value for each snapshot`);
}

async function listAll<T>(api: GatewayApi, path: string, member: string): Promise<T[]> {
  const all: T[] = [];
  const join = path.includes('?') ? '&' : '?';
  for (let after = ''; ;) {
    const page: Record<string, unknown> = await api.ask('GET', `${path}${join}limit=10000${after}`);
    all.push(...(page[member] as T[]));
    if (typeof page['next'] !== 'string') return all;
    after = `&after=${encodeURIComponent(page['next'])}`;
  }
}
