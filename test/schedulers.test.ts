import { join } from 'node:path';
import { connectBroker, done, type Broker } from '@gleaner/broker';
import { exchanges, jobDefinitionSchema, topology, type EventMessage, type Tick } from '@gleaner/contracts';
import { connectDatabase, putJob, setPaused, setupDatabase } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { startService, type ServiceProcess } from './support/serviceProcess.ts';
import { until } from './support/until.ts';
import { withGleaner, type Gleaner } from './support/withGleaner.ts';
import { withBroker } from './support/withBroker.ts';
import { withPrivateMongo } from './support/withPrivateMongo.ts';
import { withTcpProxy } from './support/withTcpProxy.ts';

const quietLog = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
/** Short, so that a test need not wait long; the proportions are those of the default. */
const shortLease = { SCHEDULER_LEASE: '1500ms' };

/** Leading by its own word. */
const leads = ({ lines }: ServiceProcess): boolean => {
  const last = lines.findLast((line) => /"msg":"(leading|the term is ending|not leading any more)"/.test(line));
  return last?.includes('"msg":"leading"') ?? false;
};

interface Stage {
  readonly gleaner: Gleaner;
  readonly broker: Broker;
  readonly ticks: Tick[];
  /** Checks that each second since the first has exactly one row, that each ran, and that the ticks are of these; the rows' latest publishing, ms. */
  ledger(): Promise<{ readonly rows: number; readonly latestMs: number }>;
}

/** Runs `fn` with a job that fires each second, runs whatever else runs, and misses nothing, and with a collector that only takes ticks. */
const withStage = (fn: (stage: Stage) => Promise<void>): Promise<void> => withGleaner(async (gleaner) => {
  const { database, amqpUrl } = gleaner;
  const broker = await connectBroker({ url: amqpUrl, name: 'test', log: quietLog });
  const ticks: Tick[] = [];
  try {
    await broker.declare(topology);
    await broker.consume({ queue: 'collect', concurrency: 10, handler: (delivery) => { ticks.push(delivery.json() as Tick); return done(); } }).ready;
    const definition = jobDefinitionSchema.parse({ schedule: { every: '1s', overlap: 'allow', misfire: 'all' }, source: { http: { url: 'https://upstream.example/' } }, key: 'id' });
    await putJob({ database, id: 'job', definition, by: 'test' });
    await fn({
      gleaner, broker, ticks,
      ledger: async () => {
        const find = () => database.collections.runs.find({ job: 'job', publishedAt: { $exists: true } }).sort({ scheduledAt: 1 }).toArray();
        // A catch-up run waits for its turn, so it may be published after fires that came later.
        const rows = await until(async () => {
          const found = await find();
          return found.every(({ scheduledAt }, index) => scheduledAt.getTime() === (found[0]?.scheduledAt.getTime() ?? 0) + index * 1_000) && found;
        }, { what: 'a run of each second', see: async () => (await find()).map(({ _id }) => _id) });
        expect(rows.every(({ attempts, count }) => attempts === 1 && count === undefined)).toBe(true);
        const known = new Set(rows.map(({ _id }) => _id));
        await until(() => [...known].every((run) => ticks.some((tick) => tick.run === run)), { what: 'a tick of each run' });
        return { rows: rows.length, latestMs: Math.max(...rows.map(({ publishedAt, scheduledAt }) => (publishedAt?.getTime() ?? 0) - scheduledAt.getTime())) };
      },
    });
  } finally {
    await broker.close();
  }
}, { services: [] });

/** Catch-up runs go one after another, so somebody has to end them, and to tell of it as storage does. */
const endRuns = ({ gleaner: { database }, broker }: Stage): (() => void) => {
  const endAll = async (): Promise<void> => {
    const { runs } = database.collections;
    const published = { state: 'queued', publishedAt: { $exists: true } } as const;
    const ids = (await runs.find(published, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id);
    if (ids.length === 0) return;
    await runs.updateMany({ _id: { $in: ids }, ...published }, [{ $set: { state: 'succeeded', rev: { $add: ['$rev', 1] }, endedAt: '$$NOW', unsettled: { $add: ['$rev', 1] } } }]);
    for (const run of ids) broker.announce(exchanges.events, 'run.succeeded', { kind: 'run', run, job: 'job', state: 'succeeded', rev: 0, at: new Date().toISOString() } satisfies EventMessage);
  };
  // The database may be away for a moment: that is what some of these tests are about.
  const timer = setInterval(() => void endAll().catch(() => undefined), 50);
  return () => { clearInterval(timer); };
};

const seconds = async (stage: Stage, count: number): Promise<void> => {
  const before = new Set(stage.ticks.map(({ run }) => run)).size;
  await until(() => new Set(stage.ticks.map(({ run }) => run)).size >= before + count, { timeout: 30_000, what: `${count} more fires`, see: () => stage.gleaner.services.map(({ lines }) => lines.slice(-5)) });
};

describe('schedulers beside each other', () => {
  it('the leader killed with -9: another takes over within 10 s, and no fire is lost or doubled', () => withStage(async (stage) => {
    const { gleaner } = stage;
    const stop = endRuns(stage);
    try {
      const first = await gleaner.start('scheduler');
      await until(() => leads(first));
      await Promise.all([gleaner.start('scheduler'), gleaner.start('scheduler')]);
      await seconds(stage, 2);
      const killedAt = performance.now();
      gleaner.services.splice(gleaner.services.indexOf(first), 1);
      await first.end('SIGKILL');
      await until(() => gleaner.services.some(leads), { timeout: 15_000 });
      expect(performance.now() - killedAt).toBeLessThan(10_000);
      await seconds(stage, 8);
      const { latestMs } = await stage.ledger();
      expect(latestMs).toBeLessThan(12_000);
    } finally {
      stop();
    }
  }));

  it('the leader stopped for longer than its lease and continued: it steps down, its late writes change nothing, and a job paused meanwhile stays so', () => withStage(async (stage) => {
    const { gleaner } = stage;
    const { database } = gleaner;
    const stop = endRuns(stage);
    try {
      const definition = jobDefinitionSchema.parse({ schedule: { every: '1s', overlap: 'allow' }, source: { http: { url: 'https://upstream.example/' } }, key: 'id' });
      await putJob({ database, id: 'paused', definition, by: 'test' });
      const first = await gleaner.start('scheduler', shortLease);
      await until(() => leads(first));
      const second = await gleaner.start('scheduler', shortLease);
      await seconds(stage, 2);
      first.signal('SIGSTOP');
      await until(() => leads(second), { timeout: 15_000 });
      await setPaused({ database, id: 'paused', paused: true, by: 'test' });
      await until(async () => (await database.collections.schedules.findOne({ _id: 'paused' }))?.version === 2);
      const pausedAt = (await database.collections.jobs.findOne({ _id: 'paused' }))?.changedAt ?? new Date(0);
      await seconds(stage, 2);
      first.signal('SIGCONT');
      await until(() => !leads(first), { timeout: 15_000 });
      await seconds(stage, 3);
      expect(leads(second)).toBe(true);
      await stage.ledger();
      expect(await database.collections.runs.find({ job: 'paused', scheduledAt: { $gte: pausedAt } }).toArray()).toEqual([]);
    } finally {
      stop();
    }
  }));

  it('the leader cut off from MongoDB stops itself before another begins', () => withStage(async (stage) => {
    const { gleaner } = stage;
    const stop = endRuns(stage);
    const direct = new URL(gleaner.mongoUrl);
    try {
      await withTcpProxy({ host: direct.hostname, port: Number(direct.port) }, async (proxy) => {
        const through = new URL(direct);
        through.port = String(proxy.port);
        through.searchParams.delete('replicaSet');
        through.searchParams.set('directConnection', 'true');
        const first = await gleaner.start('scheduler', { ...shortLease, MONGO_URL: through.href });
        await until(() => leads(first));
        const second = await gleaner.start('scheduler', shortLease);
        await seconds(stage, 2);
        proxy.cut();
        await until(() => !leads(first), { timeout: 15_000, what: 'the leader stepping down' });
        await until(() => leads(second), { timeout: 15_000 });
        await seconds(stage, 2);
        proxy.mend();
        await seconds(stage, 3);
        await stage.ledger();
        // It had stopped leading before the other began: both told the time of one machine.
        const when = (service: ServiceProcess, message: string): number => Date.parse((JSON.parse(service.lines.find((line) => line.includes(`"msg":"${message}"`)) ?? '{}') as { time: string }).time);
        expect(when(first, 'the term is ending')).toBeLessThanOrEqual(when(second, 'leading'));
      });
    } finally {
      stop();
    }
  }));

  it('a primary that steps down in the middle, with two of them: fires wait for the next one, none is lost or doubled', () => withPrivateMongo(({ url: mongo }) => withBroker(async ({ url: amqp }) => {
    const database = await connectDatabase({ url: mongo, databaseName: 'gleaner', appName: 'test' });
    const services: ServiceProcess[] = [];
    try {
      await setupDatabase({ database });
      const definition = jobDefinitionSchema.parse({ schedule: { every: '1s', overlap: 'allow', misfire: 'all' }, source: { http: { url: 'https://upstream.example/' } }, key: 'id' });
      await putJob({ database, id: 'job', definition, by: 'test' });
      const through = new URL(mongo);
      through.pathname = '/gleaner';
      for (let copy = 0; copy < 2; copy += 1) services.push(await startService({ name: 'scheduler', env: { AMQP_URL: amqp, MONGO_URL: through.href, ...shortLease } }));
      const rows = () => database.collections.runs.find({ job: 'job', publishedAt: { $exists: true } }).sort({ scheduledAt: 1 }).toArray();
      await until(async () => (await rows()).length >= 2);
      await database.client.db('admin').command({ replSetStepDown: 4, force: true }).catch(() => undefined); // the answer may be the connection that it cuts
      await until(async () => (await database.client.db('admin').command({ hello: 1 }))['isWritablePrimary'] === true, { timeout: 30_000, interval: 100 });
      const before = (await rows()).length;
      await until(async () => {
        await database.collections.runs.updateMany({ state: 'queued', publishedAt: { $exists: true } }, [{ $set: { state: 'succeeded', rev: { $add: ['$rev', 1] }, endedAt: '$$NOW', unsettled: { $add: ['$rev', 1] } } }]);
        const times = (await rows()).map(({ scheduledAt }) => scheduledAt.getTime());
        // One that was under way when the primary went may be published after its successors.
        return times.length >= before + 3 && times.every((time, index) => time === (times[0] ?? 0) + index * 1_000);
      }, { timeout: 30_000, see: async () => ({ rows: (await database.collections.runs.find({}).toArray()).map(({ _id, state, publishedAt, queuedAt }) => ({ _id, state, publishedAt, queuedAt })), lines: services.map(({ lines }) => lines.slice(-10)) }) });
      // Whichever of the two led before and after: one row and one try a fire.
      const all = await database.collections.runs.find({}).toArray();
      expect(new Set(all.map(({ scheduledAt }) => scheduledAt.getTime())).size).toBe(all.length);
      expect(all.filter(({ count, attempts }) => count !== undefined || attempts > 1)).toEqual([]);
    } finally {
      await Promise.all(services.map((service) => service.end()));
      await database.close();
    }
  })));

  it('a leader whose clock is a minute ahead, and one whose clock is a minute behind, fire at the right time', () => withStage(async (stage) => {
    const { gleaner } = stage;
    const stop = endRuns(stage);
    const shifted = (ms: number) => ({ ...shortLease, CLOCK_SHIFT_MS: String(ms), NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import ${join(import.meta.dirname, 'support/shiftClock.mjs')}` });
    try {
      const ahead = await gleaner.start('scheduler', shifted(60_000));
      await until(() => leads(ahead));
      const behind = await gleaner.start('scheduler', shifted(-60_000));
      await seconds(stage, 3);
      await ahead.end();
      await until(() => leads(behind), { timeout: 15_000 });
      await seconds(stage, 3);
      const { latestMs } = await stage.ledger();
      expect(latestMs).toBeLessThan(10_000);
      const rows = await gleaner.database.collections.runs.find({ job: 'job' }).toArray();
      for (const { publishedAt, scheduledAt } of rows) if (publishedAt) expect(publishedAt.getTime() - scheduledAt.getTime()).toBeGreaterThanOrEqual(0);
    } finally {
      stop();
    }
  }));
});
