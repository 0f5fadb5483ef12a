import { describe, expect, it } from '@jest/globals';
import { exchanges, fireRunId, messageTypes, readMessage, type ControlMessage } from '@gleaner/contracts';
import { done } from '@gleaner/broker';
import { insertRun, moveRun, newRun, updateRun, type Database, type JobDocument } from '@gleaner/database';
import { until } from '../../../test/support/until.ts';
import { withScheduler, type SchedulerStage } from '../../../test/support/withScheduler.ts';

const hour = 3_600_000;

/** Makes a job as if it had been put long ago, and its ledger kept up to `through`. */
async function putLongAgo({ stage, id, schedule, through }: { stage: SchedulerStage; id: string; schedule: object; through: Date }): Promise<JobDocument> {
  const { database } = stage;
  const job = await stage.put(id, { schedule });
  const changedAt = new Date(through.getTime() - hour);
  await database.collections.jobs.updateOne({ _id: id }, { $set: { changedAt } });
  await database.collections.revisions.updateOne({ job: id }, { $set: { changedAt } });
  await database.collections.schedules.insertOne({ _id: id, through, version: 1 });
  return { ...job, changedAt };
}

const ask = async (database: Database, job: JobDocument, extra: object = {}): Promise<string> => {
  const now = database.clock.now();
  const id = `${job._id}@01ASKED`;
  await insertRun({ database, run: newRun({ id, job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 2, extra }) });
  return id;
};

describe('a leader that died between two steps', () => {
  it('has inserted the row, not moved the watermark: the fire still has one run', async () => {
    await withScheduler(async (stage) => {
      const { database, start, ticks, runsOf } = stage;
      const base = Math.floor(database.clock.now().getTime() / hour) * hour;
      const job = await putLongAgo({ stage, id: 'job', schedule: { every: '1h' }, through: new Date(base - 1) });
      const at = new Date(base);
      const now = database.clock.now();
      await insertRun({ database, run: newRun({ id: fireRunId('job', at), job, trigger: 'schedule', scheduledAt: at, now, maxAttempts: 5, extra: { state: 'succeeded', endedAt: now, attempts: 1 } }) });
      await start();
      await until(async () => (await database.collections.schedules.findOne({ _id: 'job' }))?.through.getTime() === base, { what: 'the watermark to follow' });
      expect(await runsOf('job')).toHaveLength(1);
      expect(ticks).toEqual([]);
    });
  });

  it('has inserted the row, not moved the watermark, and fires were missed since: they are one row that does not count that fire again', async () => {
    await withScheduler(async ({ database, start, runsOf, ...stage }) => {
      const minute = 60_000;
      const now = database.clock.now().getTime();
      const base = Math.floor(now / minute) * minute - 5 * minute;
      const job = await putLongAgo({ stage: { database, start, runsOf, ...stage }, id: 'job', schedule: { every: '1m' }, through: new Date(base - 1) });
      const at = new Date(base);
      await insertRun({ database, run: newRun({ id: fireRunId('job', at), job, trigger: 'schedule', scheduledAt: at, now: at, maxAttempts: 5, extra: { state: 'succeeded', endedAt: at, attempts: 1 } }) });
      await start();
      const missed = await until(async () => (await runsOf('job')).find(({ state }) => state === 'missed'), { what: 'a row of missed fires' });
      expect(missed.scheduledAt).toEqual(new Date(base + minute));
      expect(missed.count).toBe(((missed.through?.getTime() ?? 0) - base) / minute);
    });
  });

  it('has inserted the row ahead, not queued it: it is run at its moment', async () => {
    await withScheduler(async (stage) => {
      const { database, start, ticks, runsOf } = stage;
      const now = database.clock.now();
      const job = await putLongAgo({ stage, id: 'job', schedule: { at: '2020-01-01T00:00:00Z' }, through: now });
      await insertRun({ database, run: newRun({ id: fireRunId('job', now), job, trigger: 'schedule', scheduledAt: now, now, maxAttempts: 5 }) });
      await start();
      await until(() => ticks.length === 1);
      expect(await runsOf('job')).toMatchObject([{ state: 'queued', attempts: 1 }]);
    });
  });

  it('has queued the run, not published its tick: the next leader does', async () => {
    await withScheduler(async (stage) => {
      const { database, start, ticks, put, runsOf } = stage;
      const job = await put('job', {});
      const run = await ask(database, job);
      await moveRun({ database, run, to: 'queued', at: new Date(database.clock.now().getTime() - 5_000) });
      await start();
      await until(() => ticks.length === 1);
      expect(ticks[0]).toMatchObject({ run, try: 1 });
      await until(async () => (await runsOf('job'))[0]?.publishedAt);
    });
  });

  it('has published the tick, not marked it: it comes once more, the same try', async () => {
    await withScheduler(async (stage) => {
      const { database, start, put, ticks } = stage;
      const leader = await start();
      const run = await ask(database, await put('job', {}));
      await until(() => ticks.length === 1);
      await until(async () => (await database.collections.runs.findOne({ _id: run }))?.publishedAt);
      await leader.stop();
      await updateRun({ database, run, unset: ['publishedAt'] });
      await start();
      await until(() => ticks.length === 2, { timeout: 5_000 });
      expect(ticks[1]).toEqual({ ...ticks[0], token: 2 });
    });
  });
});

describe('after an outage', () => {
  it('the newest fire runs and the others are one row (misfire: latest)', async () => {
    await withScheduler(async (stage) => {
      const { database, start, ticks, runsOf } = stage;
      const base = Math.floor(database.clock.now().getTime() / hour) * hour;
      await putLongAgo({ stage, id: 'job', schedule: { every: '1h' }, through: new Date(base - 5 * hour) });
      await start();
      await until(() => ticks.length === 1);
      const [missed, run] = await runsOf('job');
      expect(missed).toMatchObject({ _id: `job@missed-${new Date(base - 4 * hour).toISOString()}`, state: 'missed', reason: 'misfire', count: 4, through: new Date(base - hour) });
      expect(run).toMatchObject({ _id: fireRunId('job', new Date(base)), trigger: 'catch-up' });
      expect(ticks[0]?.fireAt).toBe(new Date(base).toISOString());
    });
  });

  it('every fire runs, one after another (misfire: all)', async () => {
    await withScheduler(async (stage) => {
      const { database, start, ticks, end, runsOf } = stage;
      const base = Math.floor(database.clock.now().getTime() / hour) * hour;
      await putLongAgo({ stage, id: 'job', schedule: { every: '1h', misfire: 'all' }, through: new Date(base - 3 * hour) });
      await start();
      for (let n = 1; n <= 3; n += 1) {
        await until(() => ticks.length === n);
        await until(async () => (await runsOf('job')).filter(({ held }) => held === 'overlap').length === 3 - n);
        await end(ticks[n - 1]?.run ?? '', 'succeeded');
      }
      expect(ticks.map(({ fireAt }) => fireAt)).toEqual([2, 1, 0].map((hours) => new Date(base - hours * hour).toISOString()));
    });
  });
});

describe('deadlines', () => {
  it('a try that failed is tried again at its time, with the next number', async () => {
    await withScheduler(async (stage) => {
      const { database, start, put, ticks } = stage;
      await start();
      const run = await ask(database, await put('job', {}));
      await until(() => ticks.length === 1);
      const nextAttemptAt = new Date(database.clock.now().getTime() + 700);
      await moveRun({ database, run, to: 'retrying', set: { nextAttemptAt, error: { class: 'network', message: 'x' } } });
      await until(() => ticks.length === 2);
      expect(ticks[1]).toMatchObject({ run, try: 2 });
      expect(Date.parse(ticks[1]?.queuedAt ?? '')).toBeGreaterThanOrEqual(nextAttemptAt.getTime());
    });
  });

  it('a tick that nobody answers is sent again, ever more rarely, as the same try', async () => {
    await withScheduler(async (stage) => {
      const { database, start, put, ticks, runsOf } = stage;
      await start({ times: { republishMs: 400 } });
      const run = await ask(database, await put('job', {}));
      await until(() => ticks.length === 3, { timeout: 15_000 });
      expect(ticks.map((tick) => [tick.run, tick.try])).toEqual([[run, 1], [run, 1], [run, 1]]);
      expect((await runsOf('job'))[0]).toMatchObject({ state: 'queued', attempts: 1, republished: 2 });
    });
  });

  it('a queue that vanishes with its ticks costs time, not runs', async () => {
    await withScheduler(async (stage) => {
      const { database, management, start, put, runsOf } = stage;
      await start({ times: { republishMs: 400, republishMaxMs: 800 } });
      await ask(database, await put('job', {}));
      const ticks = async (): Promise<number> => (await management.queueCounts())['collect']?.ready ?? 0;
      await until(async () => (await ticks()) >= 1);
      await management.deleteQueue('collect');
      await until(async () => (await ticks()) >= 1, { what: 'the queue and the tick being back' });
      expect((await runsOf('job'))[0]).toMatchObject({ state: 'queued', attempts: 1 });
    }, { collect: false });
  });

  it('an attempt that has fallen silent is lost only after storage has handled a probe', async () => {
    await withScheduler(async (stage) => {
      const { database, broker, start, put, ticks, runsOf } = stage;
      const aborted: number[] = [];
      await broker.subscribe({ exchange: exchanges.control, routingKeys: ['#'], handler: ({ json }) => { const message = json() as ControlMessage; if (message.kind === 'abort') aborted.push(message.try); } }).ready;
      await start();
      const run = await ask(database, await put('job', { limits: { concurrency: 1 } }));
      await until(() => ticks.length === 1);
      const now = database.clock.now();
      await moveRun({ database, run, to: 'running', set: { startedAt: now, lastSignAt: now, attempt: 'A' } });
      await until(async () => (await runsOf('job'))[0]?.probe);
      // Nobody handles the probe yet: the run stays.
      expect((await runsOf('job'))[0]?.state).toBe('running');
      await broker.consume({
        queue: 'store', concurrency: 1,
        handler: async (delivery) => {
          const read = readMessage(messageTypes.probe, delivery.body);
          if (read.ok && read.type === 'probe') await updateRun({ database, run: read.probe.run, where: { attempts: read.probe.try, 'probe.at': new Date(read.probe.at) }, set: { probe: { at: new Date(read.probe.at), handledAt: database.clock.now() } } });
          return done();
        },
      }).ready;
      // Lost or not, it may be asking still: the next try waits for its slot, and collectors are told.
      const lost = await until(async () => (await runsOf('job')).find(({ held }) => held === 'origin'));
      expect(lost).toMatchObject({ state: 'retrying', attempts: 1, slotTry: 1, slotUntil: new Date(Math.max(lost.queuedAt?.getTime() ?? 0, now.getTime()) + 600_000) });
      await until(() => aborted.includes(1));
      const report = (number: number) => updateRun({ database, run, where: { slotTry: number }, set: { lastReport: { try: number, at: database.clock.now() } } });
      await report(1);
      await until(() => ticks.length === 2);
      expect(ticks[1]).toMatchObject({ run, try: 2 });
      const again = database.clock.now();
      await moveRun({ database, run, to: 'running', set: { startedAt: again, lastSignAt: again, attempt: 'B' } });
      const failed = await until(async () => (await runsOf('job')).find(({ state }) => state === 'failed'));
      expect(failed).toMatchObject({ reason: 'lost', error: { class: 'lost' }, attempts: 2 });
      expect(failed).not.toHaveProperty('letter');
      // Given another chance, it waits in the same way for the try that was lost.
      await moveRun({ database, run, to: 'due', set: { dueAt: database.clock.now(), maxAttempts: 4 } });
      await until(async () => (await runsOf('job')).find(({ state, held }) => state === 'due' && held === 'origin'));
      await report(2);
      await until(() => ticks.length === 3);
      expect(ticks[2]).toMatchObject({ run, try: 3 });
      expect(aborted).not.toContain(3);
    });
  });

  it('a run that waits past its time expires', async () => {
    await withScheduler(async (stage) => {
      const { database, start, put, ticks, runsOf, end } = stage;
      await start();
      const job = await put('job', {});
      await ask(database, job, { expiresAt: new Date(database.clock.now().getTime() + 800) });
      await until(() => ticks.length === 1);
      const expired = await until(async () => (await runsOf('job')).find(({ state }) => state === 'expired'));
      expect(expired).toMatchObject({ reason: 'expired' });
      await until(async () => (await runsOf('job'))[0]?.settledAt);
      // The same for one that had failed and was given another chance: it has not begun since.
      const again = await put('again', {});
      const run = await ask(database, again);
      await until(() => ticks.length === 2);
      await end(run, 'failed', { error: { class: 'network', message: 'no route' } });
      const now = database.clock.now();
      await moveRun({ database, run, to: 'due', set: { dueAt: now, dueSince: now, maxAttempts: 6, expiresAt: new Date(now.getTime() + 800) } });
      await until(() => ticks.length === 3);
      const ended = await until(async () => (await runsOf('again')).find(({ endedAt }) => endedAt));
      expect(ended).toMatchObject({ state: 'expired', reason: 'expired', attempts: 2 });
      expect(await database.collections.deadLetters.countDocuments()).toBe(0);
    });
  });

  it('a run that has begun does not expire: it fails with its letter instead of another try, and a late result still counts', async () => {
    await withScheduler(async (stage) => {
      const { database, broker, start, put, ticks, runsOf, end } = stage;
      const told: string[] = [];
      await broker.subscribe({ exchange: exchanges.control, routingKeys: ['#'], handler: (announcement) => { told.push(JSON.stringify(announcement.json())); } }).ready;
      await start();
      const error = { class: 'network', message: 'no route' };
      const soon = (): Date => new Date(database.clock.now().getTime() + 1_500);
      // One lies in the queue with its second try, one waits for it far beyond its time, one is under way.
      const runs: Record<string, string> = {};
      for (const name of ['queued', 'retrying', 'running']) {
        const run = runs[name] = await ask(database, await put(name, {}));
        await until(() => ticks.some((tick) => tick.run === run));
        await moveRun({ database, run, to: 'running', set: { startedAt: database.clock.now(), lastSignAt: database.clock.now(), attempt: 'A' } });
        if (name !== 'running') await moveRun({ database, run, to: 'retrying', set: { nextAttemptAt: new Date(database.clock.now().getTime() + (name === 'queued' ? 0 : hour)), error } });
      }
      await until(() => ticks.some(({ run, try: count }) => run === runs['queued'] && count === 2));
      await database.collections.runs.updateMany({}, { $set: { expiresAt: soon(), lastSignAt: new Date(database.clock.now().getTime() + hour) } });
      for (const [name, attempts] of [['queued', 2], ['retrying', 1]] as const) {
        const failed = await until(async () => (await runsOf(name)).find(({ endedAt, settledAt }) => endedAt && settledAt), { what: `the end of the one that was ${name}` });
        expect(failed).toMatchObject({ state: 'failed', reason: 'expired', attempts, error });
        expect(await database.collections.deadLetters.findOne({ _id: failed.letter ?? '' })).toMatchObject({ run: failed._id, try: attempts, class: 'network', state: 'parked' });
      }
      await until(() => told.some((message) => message.includes(`"abort","run":"${runs['queued']}"`)));
      expect((await runsOf('running'))[0]?.state).toBe('running');
      expect(await end(runs['queued'] ?? '', 'succeeded')).toMatchObject({ state: 'succeeded' });
    });
  });
});

describe('two schedulers', () => {
  it('make one row and one run of each fire, and the second takes over when the first stops', async () => {
    await withScheduler(async (stage) => {
      const { start, put, ticks, runsOf, database } = stage;
      const first = await start();
      const second = await start({ wait: false });
      await put('job', { schedule: { every: '1s', overlap: 'allow' } });
      await until(() => ticks.length >= 2);
      // On a machine that is too busy to renew in time the lease may have moved already; never do both lead.
      const leading = await until(() => [first, second].find((one) => one.leading));
      expect([first, second].filter((one) => one.leading)).toHaveLength(1);
      const before = (await database.collections.leases.findOne({ _id: 'scheduler' }))?.token ?? 0;
      const seen = ticks.length;
      await leading.stop();
      await until(() => [first, second].some((one) => one !== leading && one.leading));
      await until(() => ticks.length >= seen + 2);
      const rows = await runsOf('job');
      const times = rows.map(({ scheduledAt }) => scheduledAt.getTime());
      expect(times).toEqual(times.map((_, index) => (times[0] ?? 0) + index * 1_000));
      expect(new Set(ticks.map(({ run }) => run)).size).toBe(ticks.length);
      expect((await database.collections.leases.findOne({ _id: 'scheduler' }))?.token).toBeGreaterThan(before);
    });
  });

  it('forced to lead at once, still make one run of each fire', async () => {
    await withScheduler(async (stage) => {
      const { start, put, ticks, runsOf, database } = stage;
      await start({ times: { renewMs: 60_000, stepDownMs: 60_000 } }); // does not notice that it has lost the lease
      await put('job', { schedule: { every: '1s', overlap: 'allow' } });
      await until(() => ticks.length >= 1);
      await database.collections.leases.updateOne({ _id: 'scheduler' }, { $set: { owner: 'nobody', expiresAt: new Date(0) } });
      await start();
      const seen = ticks.length;
      await until(() => new Set(ticks.map(({ run }) => run)).size >= seen + 4);
      const rows = await runsOf('job');
      const times = rows.map(({ scheduledAt }) => scheduledAt.getTime());
      expect(times).toEqual(times.map((_, index) => (times[0] ?? 0) + index * 1_000));
      expect(rows.every(({ attempts }) => attempts <= 1)).toBe(true);
    });
  });
});
