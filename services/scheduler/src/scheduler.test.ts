import { describe, expect, it } from '@jest/globals';
import { askedRunId, fireRunId } from '@gleaner/contracts';
import { deleteJob, insertRun, moveRun, newRun, setPaused } from '@gleaner/database';
import { until } from '../../../test/support/until.ts';
import { withScheduler } from '../../../test/support/withScheduler.ts';

describe('a fire', () => {
  it('becomes a run, a tick and a published mark, close to its moment', async () => {
    await withScheduler(async ({ start, put, ticks, runsOf }) => {
      await start();
      const job = await put('often', { schedule: { every: '1s' } });
      await until(() => ticks.length > 0, { what: 'a tick' });
      const [tick] = ticks;
      expect(tick).toMatchObject({ v: 1, job: 'often', dataset: job.dataset, jobVersion: 1, try: 1, source: { http: { url: 'https://often.example/' } }, extraction: { key: 'id' }, inputs: {} });
      expect(tick?.run).toBe(fireRunId('often', new Date(tick?.fireAt ?? 0)));
      expect(new Date(tick?.fireAt ?? 0).getMilliseconds()).toBe(0);
      const run = await until(async () => (await runsOf('often')).find(({ publishedAt }) => publishedAt !== undefined), { what: 'a published mark' });
      expect(run).toMatchObject({ trigger: 'schedule', state: 'queued', attempts: 1, token: 1 });
      const late = (run.publishedAt?.getTime() ?? 0) - run.scheduledAt.getTime();
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(1_000);
    });
  });

  it('gets its row together with those that fire within milliseconds of it, none more than half a second ahead, and no tick before its moment', async () => {
    await withScheduler(async ({ put, start, database, ticks }) => {
      const first = Math.ceil(database.clock.now().getTime() / 1_000) * 1_000 + 3_000;
      // Once each: only a fire that meets no other run of its job is queued ahead.
      for (let index = 0; index < 5; index += 1) await put(`job-${index}`, { schedule: { every: '1h', start: new Date(first + index * 8).toISOString() } });
      await start();
      await until(() => ticks.length === 5);
      const rows = await until(async () => { const found = await database.collections.runs.find({ publishedAt: { $exists: true } }).toArray(); return found.length === 5 && found; });
      expect(new Set(rows.map(({ insertedAt }) => insertedAt.getTime())).size).toBe(1);
      for (const { scheduledAt, insertedAt, publishedAt } of rows) {
        expect(scheduledAt.getTime() - insertedAt.getTime()).toBeLessThanOrEqual(500);
        expect(publishedAt?.getTime()).toBeGreaterThanOrEqual(scheduledAt.getTime());
      }
    });
  });

  it('that meets an unended run of its job is skipped, and the next one after its end runs', async () => {
    await withScheduler(async ({ start, put, ticks, runsOf, end }) => {
      await start();
      await put('slow', { schedule: { every: '1s' } });
      await until(() => ticks.length === 1);
      const skipped = await until(async () => (await runsOf('slow')).find(({ state }) => state === 'skipped'));
      expect(skipped).toMatchObject({ reason: 'overlap', attempts: 0 });
      await end(ticks[0]?.run ?? '', 'succeeded');
      await until(() => ticks.length === 2);
      await until(async () => (await runsOf('slow'))[0]?.settledAt);
      expect((await runsOf('slow'))[0]).not.toHaveProperty('unsettled');
    });
  });
});

describe('an event', () => {
  it('of a gateway or a storage is acted on at once, not with the next scan', async () => {
    await withScheduler(async ({ database, start, put, ticks, end, tell, runsOf }) => {
      await start({ times: { scanMs: 3_600_000 } });
      const job = await put('heard', {});
      const now = database.clock.now();
      const run = askedRunId('heard', '01JD0000000000000000000000');
      await insertRun({ database, run: newRun({ id: run, job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 2 }) });
      tell({ kind: 'run', run, job: 'heard', state: 'due', rev: 1, at: now.toISOString() });
      await until(() => ticks.length === 1, { what: 'the tick of the run that was asked for' });
      const moved = await moveRun({ database, run, to: 'retrying', set: { nextAttemptAt: database.clock.now() } });
      tell({ kind: 'run', run, job: 'heard', state: 'retrying', rev: moved?.rev ?? 0, at: now.toISOString() });
      await until(() => ticks.length === 2, { what: 'the tick of its second try' });
      await end(run, 'succeeded');
      await until(async () => (await runsOf('heard'))[0]?.settledAt, { what: 'its end being settled' });
      // One that must not begin its next try, because its time is over by then, ends where that is found.
      const late = askedRunId('heard', '01JD0000000000000000000001');
      await insertRun({ database, run: newRun({ id: late, job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 2 }) });
      tell({ kind: 'run', run: late, job: 'heard', state: 'due', rev: 1, at: now.toISOString() });
      await until(() => ticks.length === 3, { what: 'the tick of the run that fails' });
      const soon = database.clock.now().getTime() + 100;
      await moveRun({ database, run: late, to: 'retrying', set: { expiresAt: new Date(soon), nextAttemptAt: new Date(soon + 1), error: { class: 'network', message: 'no route' } } });
      tell({ kind: 'run', run: late, job: 'heard', state: 'retrying', rev: 3, at: now.toISOString() });
      const failed = await until(async () => (await runsOf('heard')).find(({ _id, settledAt }) => _id === late && settledAt), { what: 'the end of the one whose time is over being settled' });
      expect(failed).toMatchObject({ state: 'failed', reason: 'expired', error: { class: 'network' } });
      await put('heard', { schedule: { every: '1s' } });
      tell({ kind: 'job', job: 'heard', version: 2, what: 'changed', at: now.toISOString() });
      await until(() => ticks.length === 4, { what: 'a fire of the changed job' });
    });
  });

  it('that says that an attempt asks no more frees its slot at once; and where events may have been missed, everything is looked for at once', async () => {
    await withScheduler(async ({ database, management, start, put, ticks, tell, runsOf }) => {
      await start({ times: { scanMs: 3_600_000 } });
      const now = database.clock.now();
      const ask = async (job: string, { aloud = true } = {}): Promise<string> => {
        const run = askedRunId(job, '01JD0000000000000000000000');
        const version = await put(job, { source: { http: { url: 'https://one.example/' } }, limits: { concurrency: 1 } });
        await insertRun({ database, run: newRun({ id: run, job: version, trigger: 'manual', scheduledAt: now, now, maxAttempts: 2 }) });
        if (aloud) tell({ kind: 'run', run, job, state: 'due', rev: 1, at: now.toISOString() });
        return run;
      };
      const first = await ask('first');
      await until(() => ticks.length === 1);
      const second = await ask('second');
      await until(async () => (await runsOf('second'))[0]?.held === 'origin');
      const cancelled = await moveRun({ database, run: first, to: 'cancelled' });
      tell({ kind: 'run', run: first, job: 'first', state: 'cancelled', rev: cancelled?.rev ?? 0, at: now.toISOString() });
      await until(async () => (await runsOf('first'))[0]?.slotUntil, { what: 'the slot being kept for the attempt that was cut short' });
      expect((await runsOf('second'))[0]?.state).toBe('due');
      tell({ kind: 'reported', run: first, try: 1 });
      await until(() => ticks.length === 2, { what: 'the tick of the run that waited for the slot' });
      expect(ticks[1]?.run).toBe(second);

      await moveRun({ database, run: second, to: 'succeeded' });
      const third = await ask('third', { aloud: false });
      await management.closeConnections({ expected: 2 });
      await until(() => ticks.some(({ run }) => run === third), { what: 'the tick of a run that no event has told of', see: () => runsOf('third') });
    });
  });
});

describe('a command', () => {
  it('is a document: a run inserted as due starts, also in a job that is paused', async () => {
    await withScheduler(async ({ database, start, put, ticks }) => {
      const job = await put('asked', {});
      await setPaused({ database, id: 'asked', by: 'test', paused: true });
      await start();
      const now = database.clock.now();
      await insertRun({ database, run: newRun({ id: askedRunId('asked', '01A'), job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5, inputs: { params: { x: 1 } } }) });
      await until(() => ticks.length === 1, { timeout: 2_000 });
      expect(ticks[0]).toMatchObject({ run: 'asked@01A', inputs: { params: { x: 1 } } });
    });
  });

  it('asked for while a run is under way waits for it', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf, end }) => {
      const job = await put('asked', {});
      await start();
      const ask = async (ulid: string) => {
        const now = database.clock.now();
        await insertRun({ database, run: newRun({ id: askedRunId('asked', ulid), job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5 }) });
      };
      await ask('01A');
      await until(() => ticks.length === 1);
      await ask('01B');
      await until(async () => (await runsOf('asked'))[1]?.held === 'overlap');
      await end('asked@01A', 'succeeded');
      await until(() => ticks.length === 2);
      expect(await runsOf('asked')).toMatchObject([{ state: 'succeeded' }, { state: 'queued' }]);
    });
  });
});

describe('a job', () => {
  it('that is changed, paused, resumed or deleted is so within a second', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf }) => {
      await start();
      await put('job', { schedule: { every: '1s', overlap: 'allow' } });
      await until(() => ticks.length > 0);
      await put('job', { schedule: { every: '1s', overlap: 'allow' }, title: 'changed' });
      await until(() => ticks.some(({ jobVersion }) => jobVersion === 2), { timeout: 2_100 });
      await setPaused({ database, id: 'job', by: 'test', paused: true });
      const pausedAt = database.clock.now().getTime();
      await until(() => database.clock.now().getTime() > pausedAt + 2_500, { what: 'two fires of the pause' });
      await setPaused({ database, id: 'job', by: 'test', paused: false });
      await until(() => ticks.some(({ jobVersion }) => jobVersion === 4), { timeout: 2_100 });
      const rows = await runsOf('job');
      const pauses = rows.filter(({ reason }) => reason === 'paused');
      expect(pauses).toHaveLength(1);
      expect(pauses[0]?.count).toBeGreaterThanOrEqual(2);
      // Every second from the first row to the last is accounted for exactly once.
      const moments = rows.flatMap(({ scheduledAt, count = 1 }) => Array.from({ length: count }, (_, index) => scheduledAt.getTime() + index * 1_000));
      expect(moments).toEqual(moments.map((_, index) => (moments[0] ?? 0) + index * 1_000));
      await deleteJob({ database, id: 'job', by: 'test' });
      await until(async () => (await runsOf('job')).every(({ state }) => !['due', 'queued'].includes(state)));
      const ended = await runsOf('job');
      expect(ended.filter(({ state }) => state === 'cancelled').every(({ reason }) => reason === 'job deleted')).toBe(true);
    });
  });

  it('that is paused between a fire’s row and its moment takes the row back, and the pause accounts for it', async () => {
    await withScheduler(async ({ put, start, database, ticks, runsOf }) => {
      await start({ times: { aheadMs: 4_000, burstAheadMs: 4_000, queueAheadMs: 0 } });
      const at = new Date(Math.ceil(database.clock.now().getTime() / 1_000) * 1_000 + 5_000);
      await put('job', { schedule: { every: '1h', start: at.toISOString() } });
      await until(async () => (await runsOf('job')).some(({ state }) => state === 'due'));
      await setPaused({ database, id: 'job', paused: true, by: 'test' });
      await until(async () => (await runsOf('job')).length === 0, { what: 'the row being taken back' });
      await until(() => database.clock.now() > at);
      await setPaused({ database, id: 'job', paused: false, by: 'test' });
      const [row, ...others] = await until(async () => { const rows = await runsOf('job'); return rows.length > 0 && rows; });
      expect(row).toMatchObject({ state: 'skipped', reason: 'paused', count: 1, scheduledAt: at });
      expect([others, ticks]).toEqual([[], []]);
    });
  });

  it('made again continues its version and fires only after the newest row; the runs of the old one end', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf }) => {
      await start();
      const first = await put('job', { schedule: { every: '1s', overlap: 'allow' } });
      await until(() => ticks.length > 0);
      await deleteJob({ database, id: 'job', by: 'test' });
      const second = await put('job', { schedule: { every: '1s', overlap: 'allow' } });
      expect(second.version).toBe(3);
      expect(second.dataset).not.toBe(first.dataset);
      await until(() => ticks.some(({ jobVersion }) => jobVersion === 3));
      const old = (await runsOf('job')).filter(({ dataset }) => dataset === first.dataset);
      expect(new Set(old.map(({ state, reason }) => `${state}: ${reason}`))).toEqual(new Set(['cancelled: job deleted']));
      const runs = ticks.map(({ run }) => run);
      expect(new Set(runs).size).toBe(runs.length);
    });
  });

  it('deleted and made again while nobody led: the runs of the old one end, and what it owed is missed', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf }) => {
      const leader = await start();
      const first = await put('job', { schedule: { every: '1s', overlap: 'allow', misfire: 'all' } });
      await until(() => ticks.length > 0);
      await leader.stop();
      const stoppedAt = database.clock.now().getTime();
      await until(() => database.clock.now().getTime() > stoppedAt + 2_000, { what: 'fires that nobody runs' });
      await deleteJob({ database, id: 'job', by: 'test' });
      const second = await put('job', { schedule: { every: '1s', overlap: 'allow', misfire: 'all' } });
      await start();
      await until(() => ticks.some(({ jobVersion }) => jobVersion === 3));
      const rows = await runsOf('job');
      const old = rows.filter(({ dataset }) => dataset === first.dataset);
      expect(new Set(old.map(({ state, reason }) => `${state}: ${reason}`))).toEqual(new Set(['cancelled: job deleted', 'missed: job deleted']));
      expect(rows.every(({ dataset, scheduledAt }) => dataset === (scheduledAt < second.changedAt ? first.dataset : second.dataset))).toBe(true);
    });
  });

  it('deleted while a run of it was asked for, retried or backfilled: the run ends, although the deletion was heard of before it', async () => {
    await withScheduler(async ({ database, start, put, runsOf }) => {
      const job = await put('job', {});
      await start();
      await deleteJob({ database, id: 'job', by: 'test' });
      await until(async () => (await database.collections.schedules.findOne({ _id: 'job' }))?.version === 2, { what: 'the leader having seen to the deletion' });
      const now = database.clock.now();
      await insertRun({ database, run: newRun({ id: askedRunId('job', '01A'), job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5 }) });
      expect(await until(async () => (await runsOf('job')).find(({ endedAt }) => endedAt !== undefined))).toMatchObject({ state: 'cancelled', reason: 'job deleted' });
    });
  });

  it('run and deleted while nobody led: its run ends', async () => {
    await withScheduler(async ({ database, start, put, runsOf }) => {
      const job = await put('job', {});
      const now = database.clock.now();
      await insertRun({ database, run: newRun({ id: askedRunId('job', '01A'), job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5 }) });
      await deleteJob({ database, id: 'job', by: 'test' });
      await start();
      expect(await until(async () => (await runsOf('job')).find(({ endedAt }) => endedAt !== undefined))).toMatchObject({ state: 'cancelled', reason: 'job deleted' });
    });
  });
});
