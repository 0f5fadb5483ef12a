import { deleteJob, insertRun, moveRun, newRun, setPaused, type Database, type JobDocument } from '@gleaner/database';
import { fireRunId } from '@gleaner/contracts';
import { createLogger } from '@gleaner/runtime';
import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { withScheduler } from '../../../test/support/withScheduler.ts';
import { defaultTimes } from './config.ts';
import { leadTerm } from './leadTerm.ts';

const ask = async (database: Database, job: JobDocument, extra: object = {}): Promise<string> => {
  const now = database.clock.now();
  const id = `${job._id}@01`;
  await insertRun({ database, run: newRun({ id, job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5, extra }) });
  return id;
};

describe('a new leader', () => {
  it('keeps what the last one’s runs owe their origins: the distance of their requests, and a rest that nobody has seen to', async () => {
    await withScheduler(async ({ database, start, put, ticks }) => {
      const origins = ['https://one.example'];
      const job = await put('job', { source: { http: { url: 'https://one.example/' } }, limits: { concurrency: 1, perMinute: 60 } });
      const queued = await ask(database, job, { origins });
      await moveRun({ database, run: queued, to: 'queued', at: new Date(database.clock.now().getTime() - 5_000) });
      const told = await ask(database, await put('told', {}), { origins: ['https://told.example'] });
      await moveRun({ database, run: told, to: 'queued' });
      const at = database.clock.now();
      const error = { class: 'rate_limited', message: 'slow down', status: 429, retryAfterMs: 60_000, origin: 'https://told.example', at };
      await moveRun({ database, run: told, to: 'retrying', set: { nextAttemptAt: new Date(at.getTime() + 60_000), error } });
      await start();
      expect((await database.collections.origins.findOne({ _id: 'https://told.example' }))?.pausedUntil).toEqual(new Date(at.getTime() + 60_000));
      await until(() => ticks.length === 1);
      expect(ticks[0]).toMatchObject({ run: queued, try: 1, spacing: 1_009 });
    });
  });

  it('starts nothing that was withdrawn while nobody led: by a pause, or with its job', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf }) => {
      const now = database.clock.now();
      // Each job's due row was inserted just ahead of its moment; then its leader died, before it had moved the watermark or after, and the job was paused.
      const jobs = Array.from({ length: 20 }, (_, index) => `paused-${index}`);
      const at = new Date(now.getTime() + 200);
      for (const [index, id] of jobs.entries()) {
        const job = await put(id, { schedule: { at: at.toISOString() } });
        await database.collections.schedules.insertOne({ _id: id, through: index % 2 === 0 ? at : new Date(now.getTime() - 1), version: 1 });
        await insertRun({ database, run: newRun({ id: fireRunId(id, at), job, trigger: 'schedule', scheduledAt: at, now, maxAttempts: 5 }) });
        await setPaused({ database, id, by: 'test', paused: true });
      }
      await database.collections.revisions.updateMany({ what: 'paused' }, { $set: { changedAt: new Date(at.getTime() - 1) } });
      await database.collections.jobs.updateMany({ paused: true }, { $set: { changedAt: new Date(at.getTime() - 1) } });
      // No leader has ever seen this one alive.
      const run = await ask(database, await put('deleted', {}));
      await deleteJob({ database, id: 'deleted', by: 'test' });
      await until(() => database.clock.now() > at);
      await start();
      expect((await runsOf('deleted'))[0]).toMatchObject({ _id: run, state: 'cancelled', reason: 'job deleted', attempts: 0 });
      expect(await database.collections.runs.countDocuments({ trigger: 'schedule', state: { $ne: 'skipped' } })).toBe(0);
      const other = await ask(database, await put('other', {}));
      await until(() => ticks.length > 0);
      expect(ticks.map((tick) => tick.run)).toEqual([other]);
    });
  });
});

describe('a take-over that fails', () => {
  it('starts nothing with the half that it has read', async () => {
    await withScheduler(async ({ database, broker, put, ticks, runsOf }) => {
      const run = await ask(database, await put('job', { source: { http: { url: 'https://resting.example/' } } }));
      const away = new Error('the database is away');
      const origins = { find: () => { throw away; } } as unknown as Database['collections']['origins'];
      const term = new AbortController();
      const half = { ...database, collections: { ...database.collections, origins } };
      await expect(leadTerm({ database: half, broker, times: defaultTimes, origins: { concurrency: 1, perMinute: 0 }, log: createLogger({ service: 'test', level: 'silent' }) }, { token: 1, signal: term.signal, holds: () => true })).rejects.toThrow(away);
      const failedAt = database.clock.now().getTime();
      await until(() => database.clock.now().getTime() > failedAt + 300, { what: 'the time in which a loop would have started the run' });
      term.abort();
      expect([await runsOf('job'), ticks]).toMatchObject([[{ _id: run, state: 'due' }], []]);
    });
  });
});

describe('a leader that hears of no change', () => {
  it('finds within a second what has moved: slots are free again, and runs that were given another chance start', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf }) => {
      await start({ deaf: true });
      const source = { http: { url: 'https://one.example/x' } };
      const [job, other] = await Promise.all(['job', 'other'].map((id) => put(id, { source, limits: { concurrency: 1 } })));
      await until(async () => (await database.collections.schedules.countDocuments()) === 2);
      const run = await ask(database, job as JobDocument);
      await until(() => ticks.length === 1);
      await moveRun({ database, run, to: 'running', set: { startedAt: database.clock.now() } });
      // It waits for its next try for long: its slot is free meanwhile.
      await moveRun({ database, run, to: 'retrying', set: { nextAttemptAt: new Date(database.clock.now().getTime() + 3_000) } });
      const second = await ask(database, other as JobDocument);
      await until(() => ticks.length === 2, { timeout: 2_500 });
      expect(ticks[1]?.run).toBe(second);
      await moveRun({ database, run: second, to: 'succeeded' });
      await until(() => ticks.length === 3);
      expect(ticks[2]).toMatchObject({ run, try: 2 });
      // Failed and given another chance before anything was seen of it, with another version of its job.
      const changed = await put('job', { source: { http: { url: 'https://two.example/' } } });
      await moveRun({ database, run, to: 'failed' });
      await moveRun({ database, run, to: 'due', set: { dueAt: database.clock.now(), jobVersion: changed.version } });
      await until(() => ticks.length === 4);
      expect(ticks[3]).toMatchObject({ run, try: 3, jobVersion: changed.version });
      expect((await runsOf('job'))[0]?.origins).toEqual(['https://two.example']);
      await moveRun({ database, run: ticks[3]?.run ?? '', to: 'succeeded' });
      // Cut short: its slot is free once its attempt has said that it asks no more.
      await database.collections.runs.deleteMany({ job: 'other' });
      const third = await ask(database, other as JobDocument);
      await until(() => ticks.length === 5);
      await moveRun({ database, run: third, to: 'cancelled' });
      await until(async () => (await runsOf('other'))[0]?.settledAt);
      await database.collections.runs.updateOne({ _id: third }, { $set: { lastReport: { try: 1, at: database.clock.now() } } });
      const more = await put('more', { source, limits: { concurrency: 1 } });
      const fourth = await ask(database, more);
      await until(() => ticks.length === 6);
      expect(ticks[5]?.run).toBe(fourth);
    });
  });
});
