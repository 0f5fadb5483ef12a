import { describe, expect, it } from '@jest/globals';
import { exchanges, queues, triggeredRunId, type ControlMessage } from '@gleaner/contracts';
import { insertRun, moveRun, newRun, setPaused, type Database, type JobDocument } from '@gleaner/database';
import { until } from '../../../test/support/until.ts';
import { withScheduler } from '../../../test/support/withScheduler.ts';

const ask = async (database: Database, job: JobDocument, name: string, extra: object = {}): Promise<string> => {
  const now = database.clock.now();
  const id = `${job._id}@${name}`;
  await insertRun({ database, run: newRun({ id, job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 2, ...extra }) });
  return id;
};

describe('overlap', () => {
  it('queue: one fire waits, a later one replaces it, and it starts when the other has ended', async () => {
    await withScheduler(async ({ start, put, ticks, runsOf, end }) => {
      await start();
      await put('job', { schedule: { every: '1s', overlap: 'queue' } });
      await until(() => ticks.length === 1);
      await until(async () => (await runsOf('job')).filter(({ reason }) => reason === 'coalesced').length >= 2, { timeout: 15_000 });
      // Never two of them wait; between a coalesced one and its successor's mark there may be none for a moment.
      await until(async () => (await runsOf('job')).filter(({ held }) => held === 'overlap').length === 1);
      await end(ticks[0]?.run ?? '', 'succeeded');
      await until(() => ticks.length === 2);
    });
  });

  it('cancel: the old run is cancelled, its collector told, and the new one starts', async () => {
    await withScheduler(async ({ broker, start, put, ticks, runsOf }) => {
      const told: unknown[] = [];
      await broker.subscribe({ exchange: 'gleaner.control', routingKeys: ['#'], handler: (announcement) => { told.push(announcement.json()); } }).ready;
      await start();
      await put('job', { schedule: { every: '1s', overlap: 'cancel' } });
      await until(() => ticks.length >= 2);
      const [first] = await runsOf('job');
      expect(first).toMatchObject({ _id: ticks[0]?.run, state: 'cancelled', reason: 'overlap' });
      await until(() => told.some((message) => JSON.stringify(message).includes(`"abort","run":"${ticks[0]?.run}"`)));
    });
  });

  it('a run that waits for its next try gives way to the next fire, with its letter, which counts on from one that was replayed', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf }) => {
      await start();
      await put('job', { schedule: { every: '2s' } });
      await until(() => ticks.length === 1);
      const run = ticks[0]?.run ?? '';
      const now = database.clock.now();
      await database.collections.deadLetters.insertOne({ _id: 'earlier', queue: queues.collect, run, class: 'network', reason: 'no route', attempts: 1, firstAt: now, deadAt: now, replays: 2, state: 'replayed', headers: {} });
      await moveRun({ database, run, to: 'retrying', set: { nextAttemptAt: new Date(now.getTime() + 60_000), error: { class: 'network', message: 'no route' } } });
      await until(() => ticks.length === 2);
      const old = (await runsOf('job')).find(({ _id }) => _id === run);
      expect(old).toMatchObject({ state: 'failed', reason: 'superseded_by_fire', error: { class: 'network' } });
      const letter = await database.collections.deadLetters.findOne({ _id: old?.letter ?? '' });
      expect(letter).toMatchObject({ queue: 'collect', run, try: 1, class: 'network', state: 'parked', replays: 2, replayOf: 'earlier' });
    });
  });
});

describe('backfills', () => {
  it('go as many at once as the job’s limit says, in nobody else’s way', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf, end }) => {
      await start();
      const job = await put('job', { limits: { concurrency: 2 } });
      const now = database.clock.now();
      const past = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);
      const rows = [4, 3, 2, 1].map((minutes) => newRun({ id: `job@back-${minutes}`, job, trigger: 'backfill', scheduledAt: past(minutes), now, dueAt: now, maxAttempts: 5 }));
      await database.collections.runs.insertMany(rows);
      await until(async () => (await runsOf('job')).filter(({ held }) => held === 'overlap').length === 2);
      for (let n = 3; n <= 4; n += 1) {
        expect(ticks).toHaveLength(n - 1);
        await end(ticks[n - 3]?.run ?? '', 'succeeded');
        await until(() => ticks.length === n);
      }
      expect(ticks.map(({ run }) => run)).toEqual(rows.map(({ _id }) => _id));
      await end(ticks[2]?.run ?? '', 'succeeded');
      // One is under way still, and a run that is asked for does not wait for it.
      const asked = await ask(database, job, '01A');
      await until(() => ticks.length === 5);
      expect(ticks[4]?.run).toBe(asked);
    });
  });
});

describe('a run that was given another chance', () => {
  it('neither gives way to a fire while it waits for its next try, nor is cancelled while it waits for another run', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf, end }) => {
      await start();
      await put('job', { schedule: { every: '2s' } });
      await until(() => ticks.length === 1);
      const run = ticks[0]?.run ?? '';
      const error = { class: 'network', message: 'no route' };
      await end(run, 'failed', { error });
      const now = database.clock.now();
      await moveRun({ database, run, to: 'due', set: { dueAt: now, dueSince: now, maxAttempts: 6 } });
      await until(() => ticks.some(({ try: count }) => count === 2));
      await moveRun({ database, run, to: 'retrying', set: { nextAttemptAt: new Date(database.clock.now().getTime() + 60_000), error } });
      await until(async () => (await runsOf('job')).some(({ state, reason, scheduledAt }) => state === 'skipped' && reason === 'overlap' && scheduledAt > now));
      expect((await runsOf('job')).find(({ _id }) => _id === run)).toMatchObject({ state: 'retrying', attempts: 2 });

      await put('other', { schedule: { every: '1s', overlap: 'cancel' } });
      await until(() => ticks.some(({ job }) => job === 'other'));
      const asked = await ask(database, (await database.collections.jobs.findOne({ _id: 'other' })) as JobDocument, '01A');
      await until(async () => (await runsOf('other')).some(({ _id, held }) => _id === asked && held === 'overlap'));
      await until(async () => (await runsOf('other')).filter(({ state }) => state === 'cancelled').length >= 3);
      expect((await runsOf('other')).find(({ _id }) => _id === asked)).toMatchObject({ state: 'due', held: 'overlap' });
    });
  });
});

describe('after', () => {
  it('runs once for each outcome of a run, with what triggered it', async () => {
    await withScheduler(async ({ database, start, put, ticks, end, runsOf }) => {
      await start();
      const parent = await put('parent', {});
      await put('changed', { schedule: { after: { job: 'parent', on: 'changed' } } });
      await put('succeeded', { schedule: { after: { job: 'parent', on: 'succeeded' } } });
      await put('failed', { schedule: { after: { job: 'parent', on: 'failed' } } });
      const ended = async (name: string, to: 'succeeded' | 'unchanged' | 'failed', counts: object = {}): Promise<string> => {
        const run = await ask(database, parent, name);
        await until(() => ticks.some((tick) => tick.run === run));
        await end(run, to, counts as never);
        await until(async () => (await runsOf('parent')).find(({ _id }) => _id === run)?.settledAt);
        return run;
      };
      const none = { received: 1, kept: 1, added: 0, changed: 0, removed: 0, unchanged: 1 };
      const same = await ended('01A', 'succeeded', { counts: none });
      const more = await ended('01B', 'succeeded', { counts: { ...none, added: 1 } });
      const again = await ended('01C', 'unchanged');
      const defined = await ended('01D', 'succeeded', { counts: { ...none, added: 5 }, cause: 'definition' });
      const wrong = await ended('01E', 'failed');
      const of = async (job: string) => (await runsOf(job)).map(({ _id }) => _id).sort();
      expect(await of('changed')).toEqual([triggeredRunId('changed', more, 'changed')]);
      expect(await of('succeeded')).toEqual([same, more, again, defined].map((run) => triggeredRunId('succeeded', run, 'succeeded')).sort());
      expect(await of('failed')).toEqual([triggeredRunId('failed', wrong, 'failed')]);
      await until(() => ticks.some(({ job }) => job === 'failed'));
      expect(ticks.find(({ job }) => job === 'failed')?.inputs).toEqual({ trigger: { run: wrong, items: [] } });
      // Settled anew (a leader died before it cleared the mark): nothing more.
      await database.collections.runs.updateOne({ _id: more }, [{ $set: { unsettled: '$rev' } }]);
      await until(async () => (await database.collections.runs.countDocuments({ unsettled: { $exists: true } })) === 0);
      expect(await of('changed')).toHaveLength(1);
    });
  });

  it('of a paused job is a row that says so, and a chain ends at its sixteenth link', async () => {
    await withScheduler(async ({ database, start, put, end, runsOf, ticks }) => {
      await start();
      const parent = await put('parent', {});
      await put('child', { schedule: { after: { job: 'parent', on: 'succeeded' } } });
      await setPaused({ database, id: 'child', by: 'test', paused: true });
      const ended = async (name: string, extra: object = {}) => {
        const run = await ask(database, parent, name, extra);
        await until(() => ticks.some((tick) => tick.run === run));
        await end(run, 'succeeded');
      };
      await ended('01A');
      expect(await until(async () => (await runsOf('child'))[0])).toMatchObject({ state: 'skipped', reason: 'paused', trigger: 'after' });
      await setPaused({ database, id: 'child', by: 'test', paused: false });
      await ended('01B', { extra: { depth: 16 } });
      await until(async () => (await runsOf('child')).some(({ reason }) => reason === 'cycle'));
    });
  });
});

describe('inputs from another job', () => {
  it('are frozen on the run and in the tick; without a snapshot the run is skipped', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf }) => {
      await start();
      const list = await put('list', {});
      const job = await put('each', { source: { http: { url: 'https://each.example/{{ each }}', forEach: { job: 'list', field: 'symbol' } } } });
      await ask(database, job, '01A');
      expect(await until(async () => (await runsOf('each')).find(({ state }) => state === 'skipped'))).toMatchObject({ reason: 'no input' });
      const position = '2026-01-01T00:00:00.000Z|list@1';
      await database.db.collection<{ _id: string }>('heads').updateOne({ _id: list.dataset }, { $set: { position, run: 'list@1', generation: '01GENERATION00000000000000', total: 3 } });
      await database.db.collection<{ _id: string }>('snapshots').insertOne({ _id: `${list.dataset}.list@1`, dataset: list.dataset, run: 'list@1', position, observedAt: new Date(), counts: { total: 3 } } as never);
      await database.db.collection<{ _id: string }>('items').insertMany(['a', 'b', 'c'].map((key) => ({ _id: `01GENERATION00000000000000.${key}`, key, since: position, data: { symbol: key === 'c' ? 'A' : key.toUpperCase() } })) as never);
      const run = await ask(database, job, '01B');
      await until(() => ticks.length === 1);
      expect(ticks[0]?.inputs).toEqual({ forEach: ['A', 'B'] });
      expect((await runsOf('each')).find(({ _id }) => _id === run)?.inputs).toEqual({ forEach: ['A', 'B'] });
    });
  });
});

describe('a run that had to wait', () => {
  it('asks with what its predecessor has learnt', async () => {
    await withScheduler(async ({ database, start, put, ticks, end, runsOf }) => {
      await start();
      const job = await put('job', {});
      await ask(database, job, '01');
      await until(() => ticks.length === 1);
      await ask(database, job, '02');
      await until(async () => (await runsOf('job')).some(({ held }) => held === 'overlap'));
      const validators = { run: 'job@01', etag: '"1"', bodyHash: 'h' };
      await database.db.collection<{ _id: string }>('heads').updateOne({ _id: job.dataset }, { $set: { validators, extractionHash: job.extractionHash, requestHash: job.requestHash } });
      await end('job@01', 'succeeded');
      await until(() => ticks.length === 2);
      expect(ticks[0]).not.toHaveProperty('validators');
      expect(ticks[1]?.validators).toEqual(validators);
    });
  });
});

describe('an origin', () => {
  it('gets no more runs at once than its tightest job allows, whichever job they are of', async () => {
    await withScheduler(async ({ database, start, put, ticks, end, runsOf }) => {
      await start();
      const source = { http: { url: 'https://one.example/x' } };
      const jobs = await Promise.all(['a', 'b', 'c', 'd'].map((id) => put(id, { source, ...(id === 'a' ? { limits: { concurrency: 2 } } : {}) })));
      // A limit holds from when the leader knows of it.
      await until(async () => (await database.collections.schedules.countDocuments()) === jobs.length);
      for (const job of jobs) await ask(database, job, '01');
      await until(() => ticks.length === 2);
      await until(async () => (await Promise.all(jobs.map(({ _id }) => runsOf(_id)))).flat().filter(({ held }) => held === 'origin').length === 2);
      await end(ticks[0]?.run ?? '', 'succeeded');
      await until(() => ticks.length === 3);
      await end(ticks[1]?.run ?? '', 'failed');
      await until(() => ticks.length === 4);
    });
  });

  it('goes to the next in line when the run before it is cancelled while it waits', async () => {
    await withScheduler(async ({ database, start, put, ticks, end, runsOf }) => {
      await start();
      const source = { http: { url: 'https://one.example/x' } };
      const jobs = await Promise.all(['a', 'b', 'c'].map((id) => put(id, { source, limits: { concurrency: 1 } })));
      await until(async () => (await database.collections.schedules.countDocuments()) === jobs.length);
      for (const job of jobs) { await ask(database, job, '01'); await until(async () => (await runsOf(job._id))[0]?.held ?? (await runsOf(job._id))[0]?.queuedAt); }
      await moveRun({ database, run: 'b@01', to: 'cancelled' });
      await until(async () => (await runsOf('b'))[0]?.settledAt);
      await end('a@01', 'succeeded');
      await until(() => ticks.length === 2);
      expect(ticks.map(({ run }) => run)).toEqual(['a@01', 'c@01']);
    });
  });

  it('rests for as long as its Retry-After asked for, for all jobs', async () => {
    await withScheduler(async ({ database, start, put, ticks }) => {
      await start();
      const [a, b] = [await put('a', { source: { http: { url: 'https://one.example/x', origins: ['https://two.example'] } } }), await put('b', { source: { http: { url: 'https://two.example/' } } })];
      const run = await ask(database, a, '01');
      await until(() => ticks.length === 1);
      await moveRun({ database, run, to: 'retrying', set: { nextAttemptAt: new Date(database.clock.now().getTime() + 500), error: { class: 'rate_limited', message: 'slow down', status: 429, retryAfterMs: 2_000, origin: 'https://two.example', at: database.clock.now() } } });
      await until(async () => (await database.collections.origins.findOne({ _id: 'https://two.example' }))?.pausedUntil);
      const pausedUntil = (await database.collections.origins.findOne({ _id: 'https://two.example' }))?.pausedUntil?.getTime() ?? 0;
      await ask(database, b, '01');
      await until(() => ticks.length === 3);
      for (const tick of ticks.slice(1)) expect(Date.parse(tick.queuedAt)).toBeGreaterThanOrEqual(pausedUntil);
    });
  });

  it('spreads its requests per minute over its slots', async () => {
    await withScheduler(async ({ database, start, put, ticks, end }) => {
      await start();
      const source = { http: { url: 'https://one.example/x' } };
      const jobs = await Promise.all(['a', 'b', 'c'].map((id) => put(id, { source, limits: { concurrency: 1, perMinute: 60 } })));
      for (const job of jobs) await ask(database, job, '01');
      for (let n = 1; n <= 3; n += 1) {
        await until(() => ticks.length === n);
        expect(ticks[n - 1]?.spacing).toBe(1_009);
        await end(ticks[n - 1]?.run ?? '', 'succeeded');
      }
      const runs = await database.collections.runs.find({}).sort({ queuedAt: 1 }).toArray();
      for (const [index, run] of runs.entries()) if (index > 0) expect((run.queuedAt?.getTime() ?? 0) - (runs[index - 1]?.endedAt?.getTime() ?? 0)).toBeGreaterThanOrEqual(1_009);
    });
  });

  it('keeps a cancelled run counted until its last report', async () => {
    await withScheduler(async ({ database, broker, start, put, ticks, runsOf }) => {
      const aborted: unknown[] = [];
      await broker.subscribe({ exchange: exchanges.control, routingKeys: ['#'], handler: ({ json }) => { const message = json() as ControlMessage; if (message.kind === 'abort') aborted.push(`${message.run} ${message.try}`); } }).ready;
      await start();
      const source = { http: { url: 'https://one.example/x' } };
      const jobs = await Promise.all(['a', 'b'].map((id) => put(id, { source, limits: { concurrency: 1 } })));
      for (const job of jobs) { await ask(database, job, '01'); await until(async () => (await runsOf(job._id))[0]?.held ?? (await runsOf(job._id))[0]?.queuedAt); }
      await until(() => ticks.length === 1);
      await moveRun({ database, run: 'a@01', to: 'cancelled' });
      const cancelled = await until(async () => (await runsOf('a')).find(({ settledAt }) => settledAt !== undefined));
      expect((cancelled.slotUntil?.getTime() ?? 0) - (cancelled.queuedAt?.getTime() ?? 0)).toBe(600_000);
      expect((await runsOf('b'))[0]?.held).toBe('origin');
      // Its tick may lie where a collector has not been told yet: said again until its last report has come, and no longer.
      await until(() => aborted.length >= 2, { timeout: 10_000, what: 'a second word to the collectors' });
      expect(new Set(aborted)).toEqual(new Set(['a@01 1']));
      await database.collections.runs.updateOne({ _id: 'a@01' }, { $set: { lastReport: { try: 1, at: database.clock.now() } } });
      await until(() => ticks.length === 2);
    });
  });

  it('counts a run that was cancelled while nobody led, and not one that waited for its next try', async () => {
    await withScheduler(async ({ database, start, put, ticks, runsOf }) => {
      const source = { http: { url: 'https://one.example/x' } };
      const [asking, waiting, other] = await Promise.all(['asking', 'waiting', 'other'].map((id) => put(id, { source, limits: { concurrency: 1 } })));
      const origins = ['https://one.example'];
      const run = await ask(database, asking as JobDocument, '01', { extra: { origins } });
      await moveRun({ database, run, to: 'queued' });
      await moveRun({ database, run, to: 'cancelled' });
      await start();
      await ask(database, other as JobDocument, '01');
      await until(async () => (await runsOf('other'))[0]?.held === 'origin');
      await database.collections.runs.updateOne({ _id: run }, { $set: { lastReport: { try: 1, at: database.clock.now() } } });
      await until(() => ticks.length === 1);
      await moveRun({ database, run: 'other@01', to: 'succeeded' });

      const second = await ask(database, waiting as JobDocument, '01');
      await until(() => ticks.length === 2);
      await moveRun({ database, run: second, to: 'running', set: { startedAt: database.clock.now() } });
      await moveRun({ database, run: second, to: 'retrying', set: { nextAttemptAt: new Date(database.clock.now().getTime() + 60_000) } });
      await ask(database, other as JobDocument, '02');
      await until(() => ticks.length === 3); // the slot is free again: the leader has heard of it
      await moveRun({ database, run: second, to: 'cancelled' });
      const settled = await until(async () => (await runsOf('waiting')).find(({ settledAt }) => settledAt !== undefined));
      expect(settled.slotUntil).toBeUndefined();
    });
  });
});
