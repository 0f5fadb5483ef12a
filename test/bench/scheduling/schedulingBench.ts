import { topology } from '@gleaner/contracts';
import { connectBroker, done } from '@gleaner/broker';
import { connectDatabase, setupDatabase, type Database } from '@gleaner/database';

export interface SchedulingServers {
  readonly amqp: string;
  readonly mongo: string;
}

/** One row: a name, its figure, and what else was seen. */
export interface SchedulingRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly [fact: string]: unknown;
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Runs `fn` with a fresh database and a collector that takes every tick and does nothing with it. */
export async function withStage<T>({ amqp, mongo }: SchedulingServers, fn: (stage: { readonly database: Database; readonly mongoUrl: string; readonly amqpUrl: string }) => Promise<T>): Promise<T> {
  const url = new URL(mongo);
  url.pathname = `/bench_scheduling_${process.pid}_${Math.round(performance.now())}`;
  const database = await connectDatabase({ url: url.href, appName: 'bench' });
  const broker = await connectBroker({ url: amqp, name: 'bench', log: silent });
  try {
    await setupDatabase({ database });
    await broker.declare(topology);
    const consumer = broker.consume({ queue: 'collect', concurrency: 500, handler: () => done() });
    await consumer.ready;
    return await fn({ database, mongoUrl: url.href, amqpUrl: amqp });
  } finally {
    await broker.close();
    await database.db.dropDatabase();
    await database.close();
  }
}

/** Lateness of published runs, ms: percentiles of `publishedAt - dueAt`, and how many there are. */
export async function latenessOf({ database, from, until }: { readonly database: Database; readonly from: Date; readonly until: Date }): Promise<{ count: number; p50: number; p99: number; max: number; last: Date; distinct: number; overTenMs: number; stalls: string }> {
  const runs = await database.collections.runs.find({ scheduledAt: { $gte: from, $lt: until }, publishedAt: { $exists: true } }, { projection: { dueAt: 1, publishedAt: 1, job: 1 } }).toArray();
  const late = runs.map(({ dueAt, publishedAt }) => (publishedAt?.getTime() ?? 0) - dueAt.getTime()).sort((a, b) => a - b);
  const at = (share: number): number => late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? Number.NaN;
  const last = runs.reduce((newest, { publishedAt }) => Math.max(newest, publishedAt?.getTime() ?? 0), 0);
  // Where the late ones lie: one stall makes a neighbourhood late, something that is slow makes all.
  const slow = runs.filter(({ dueAt, publishedAt }) => (publishedAt?.getTime() ?? 0) - dueAt.getTime() > 10).map(({ dueAt }) => dueAt.getTime() - from.getTime()).sort((a, b) => a - b);
  const stalls: string[] = [];
  for (const [index, moment] of slow.entries()) if (index === 0 || moment - (slow[index - 1] ?? 0) > 100) stalls.push(`${moment} ms`);
  return { overTenMs: slow.length, stalls: stalls.slice(0, 10).join(', '), count: runs.length, p50: at(0.5), p99: at(0.99), max: late.at(-1) ?? Number.NaN, last: new Date(last), distinct: new Set(runs.map(({ job }) => job)).size };
}
