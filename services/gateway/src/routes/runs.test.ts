import { describe, expect, it } from '@jest/globals';
import { maxAttempts } from '@gleaner/contracts';
import { lettersAnswer, letterSchema, lettersMovedAnswer, runsAnswer, runSchema } from '@gleaner/contracts/answers';
import { findJob, findRun, newRun, type JobDocument, type LetterDocument, type RunDocument } from '@gleaner/database';
import { withGateway, type TestGateway } from '../testing/withGateway.ts';

const definition = { schedule: { every: '1h', expires: '10m' }, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };

type Runs = TestGateway & { job: JobDocument; insert: (run: Partial<RunDocument> & { _id: string }) => Promise<void>; letter: (letter: Partial<LetterDocument> & { _id: string }) => Promise<void> };

async function withRuns(fn: (gateway: Runs) => Promise<void>): Promise<void> {
  await withGateway(async (gateway) => {
    await gateway.call('PUT', '/v1/jobs/j', { body: definition });
    const { database } = gateway;
    const job = (await findJob({ database, id: 'j' })) as JobDocument;
    const now = database.clock.now();
    await fn({
      ...gateway, job,
      insert: async ({ _id, ...extra }) => void (await database.collections.runs.insertOne({ ...newRun({ id: _id, job, trigger: 'schedule', scheduledAt: now, now, maxAttempts: 5 }), ...extra })),
      letter: async (letter) => void (await database.collections.deadLetters.insertOne({
        queue: 'collect', job: 'j', class: 'http_4xx', reason: 'answered 404', attempts: 1, firstAt: now, deadAt: now, replays: 0, state: 'parked', headers: {}, ...letter,
      })),
    });
  });
}

describe('run now', () => {
  it('is a document: 202 with the run and where to look, also while the job is paused', async () => {
    await withRuns(async ({ call, database, job }) => {
      await call('POST', '/v1/jobs/j/pause');
      const answer = await call('POST', '/v1/jobs/j/runs', { body: { params: { day: '2026-11-20', n: 1 } } });
      const run = runSchema.parse(answer.json());
      expect([answer.status, answer.headers.get('location'), run.state, run.trigger, run.params, run.jobVersion]).toEqual([202, `/v1/runs/${run.id}`, 'due', 'manual', { day: '2026-11-20', n: 1 }, 2]);
      expect(run.id).toMatch(/^j@[0-9A-HJKMNP-TV-Z]{26}$/);
      const stored = await findRun({ database, run: run.id });
      expect(stored).toMatchObject({ dataset: job.dataset, maxAttempts: maxAttempts(job.definition), requestedBy: 'test' });
      expect((stored?.expiresAt?.getTime() ?? 0) - (stored?.insertedAt.getTime() ?? 0)).toBe(600_000);
      expect((await call('POST', '/v1/jobs/nobody/runs')).status).toBe(404);
      expect((await call('POST', '/v1/jobs/j/runs', { body: { parms: {} } })).json()).toMatchObject({ status: 422, code: 'bad_request', faults: [{ path: 'parms', code: 'unknown_field' }] });
    });
  });

  it('with an idempotency key is made once, however often and at once it is asked', async () => {
    await withRuns(async ({ call, database }) => {
      const ask = async (params: unknown, key = 'abc') => await call('POST', '/v1/jobs/j/runs', { body: { params }, headers: { 'idempotency-key': key } });
      const answers = await Promise.all(Array.from({ length: 8 }, async () => await ask({ a: 1, b: 2 })));
      expect(new Set(answers.map((answer) => answer.json()['id'])).size).toBe(1);
      expect((await ask({ b: 2, a: 1 })).status).toBe(202);
      expect((await ask({ a: 2 })).json()).toMatchObject({ status: 422, code: 'idempotency_conflict' });
      expect((await ask({ a: 2 }, 'def')).status).toBe(202);
      expect((await ask({}, 'with space')).json().code).toBe('bad_header');
      expect(await database.collections.runs.countDocuments()).toBe(2);
    });
  });
});

describe('runs', () => {
  it('are listed newest first, by job, state, trigger and time', async () => {
    await withRuns(async ({ call, insert }) => {
      const at = (hour: number): Date => new Date(Date.UTC(2026, 10, 20, hour));
      for (let hour = 0; hour < 6; hour += 1) await insert({ _id: `j@${hour}`, scheduledAt: at(hour), insertedAt: at(hour), state: hour % 2 === 0 ? 'succeeded' : 'failed' });
      await insert({ _id: 'k@0', job: 'k', scheduledAt: at(9), insertedAt: at(9), state: 'missed', reason: 'misfire', count: 3, through: at(11) });
      const ids = async (query: string): Promise<string[]> => runsAnswer.parse((await call('GET', `/v1/runs?${query}`)).json()).runs.map(({ id }) => id);
      expect(await ids('')).toEqual(['k@0', 'j@5', 'j@4', 'j@3', 'j@2', 'j@1', 'j@0']);
      expect(await ids('job=j&state=failed')).toEqual(['j@5', 'j@3', 'j@1']);
      expect(await ids('state=failed,missed&limit=2')).toEqual(['k@0', 'j@5']);
      expect(await ids('since=2026-11-20T03:00:00Z&until=2026-11-20T05:00:00Z')).toEqual(['j@4', 'j@3']);
      expect(await ids('trigger=backfill')).toEqual([]);
      const seen: string[] = [];
      let after = '';
      do {
        const page = runsAnswer.parse((await call('GET', `/v1/runs?job=j&limit=4${after}`)).json());
        seen.push(...page.runs.map(({ id }) => id));
        after = page.next === undefined ? '' : `&after=${page.next}`;
      } while (after !== '');
      expect(seen).toEqual(['j@5', 'j@4', 'j@3', 'j@2', 'j@1', 'j@0']);
      expect((await call('GET', '/v1/runs/k@0')).json()).toMatchObject({ state: 'missed', reason: 'misfire', count: 3, through: '2026-11-20T11:00:00.000Z' });
      expect((await call('GET', '/v1/runs/nobody')).json().code).toBe('not_found');
      expect((await call('GET', '/v1/runs?state=done')).json().code).toBe('bad_query');
    });
  });

  it('are cancelled by their state, and only while they have not ended', async () => {
    await withRuns(async ({ call, insert, broker, database }) => {
      await insert({ _id: 'j@1', state: 'running', attempts: 2, deadline: new Date(Date.UTC(2026, 10, 20)) });
      await insert({ _id: 'j@2', state: 'succeeded' });
      expect((await call('GET', '/v1/runs/j@1')).json()).toMatchObject({ deadline: '2026-11-20T00:00:00.000Z' });
      expect((await call('DELETE', '/v1/runs/j@1')).status).toBe(204);
      expect(await findRun({ database, run: 'j@1' })).toMatchObject({ state: 'cancelled', reason: 'cancelled', unsettled: 2 });
      expect(broker.announced.slice(-2).map(({ body }) => body)).toMatchObject([{ kind: 'abort', run: 'j@1', try: 2, reason: 'cancelled' }, { kind: 'run', run: 'j@1', state: 'cancelled', rev: 2 }]);
      expect((await call('DELETE', '/v1/runs/j@1')).status).toBe(204);
      expect((await call('DELETE', '/v1/runs/j@2')).json()).toMatchObject({ status: 409, code: 'state_conflict', state: 'succeeded' });
      expect((await call('DELETE', '/v1/runs/j@3')).status).toBe(404);
    });
  });

  it('are retried with the present version, their letter with them, once', async () => {
    await withRuns(async ({ call, insert, letter, database }) => {
      await insert({ _id: 'j@1', state: 'failed', attempts: 5, letter: 'l1', error: { class: 'http_4xx', message: 'x' } });
      await letter({ _id: 'l1', run: 'j@1' });
      await insert({ _id: 'j@lost', state: 'failed', attempts: 5, reason: 'lost' });
      await call('PUT', '/v1/jobs/j', { body: { ...definition, title: 'new' } });
      const answers = await Promise.all([1, 2, 3].map(async () => await call('POST', '/v1/runs/j@1/retry')));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409, 409]);
      expect(await findRun({ database, run: 'j@1' })).toMatchObject({ state: 'due', jobVersion: 2, maxAttempts: 10 });
      expect(await database.collections.deadLetters.findOne({ _id: 'l1' })).toMatchObject({ state: 'replayed', replays: 1 });
      expect((await call('POST', '/v1/runs/j@lost/retry')).json()).toMatchObject({ state: 'due' });
      await insert({ _id: 'j@2', state: 'failed' });
      await call('DELETE', '/v1/jobs/j');
      expect((await call('POST', '/v1/runs/j@2/retry')).json()).toMatchObject({ status: 409, code: 'job_deleted' });
      await call('PUT', '/v1/jobs/j', { body: definition });
      expect((await call('POST', '/v1/runs/j@2/retry')).json()).toMatchObject({ status: 409, code: 'job_deleted' });
    });
  });

  it('in quarantine are decided once', async () => {
    await withRuns(async ({ call, insert }) => {
      await insert({ _id: 'j@1', state: 'quarantined' });
      await insert({ _id: 'j@2', state: 'succeeded' });
      expect(runSchema.parse((await call('POST', '/v1/runs/j@1/accept')).json()).decision).toMatchObject({ accept: true, by: 'test' });
      expect((await call('POST', '/v1/runs/j@1/accept')).status).toBe(202);
      expect((await call('POST', '/v1/runs/j@1/reject')).json()).toMatchObject({ status: 409, code: 'state_conflict', state: 'quarantined' });
      expect((await call('POST', '/v1/runs/j@2/accept')).json()).toMatchObject({ status: 409, state: 'succeeded' });
    });
  });
});

describe('commands', () => {
  it('are told to those who carry them out, and made whether or not anybody hears it', async () => {
    await withRuns(async ({ call, insert, letter, broker }) => {
      const told = async (method: string, path: string, body?: object): Promise<string[]> => {
        broker.announced.length = 0;
        expect([200, 202, 204]).toContain((await call(method, path, body === undefined ? {} : { body })).status);
        return broker.announced.map(({ routingKey }) => routingKey);
      };
      expect(await told('POST', '/v1/jobs/j/runs', {})).toEqual(['run.due']);
      const now = Date.now();
      expect(await told('POST', '/v1/jobs/j/backfill', { from: new Date(now - 10_800_000).toISOString(), to: new Date(now - 3_600_000).toISOString() })).toEqual(['run.due', 'run.due']);
      await insert({ _id: 'j@1', state: 'failed' });
      expect(await told('POST', '/v1/runs/j@1/retry')).toEqual(['run.due']);
      await insert({ _id: 'j@2', state: 'quarantined' });
      expect(await told('POST', '/v1/runs/j@2/reject')).toEqual(['wake.command']);
      await letter({ _id: 'l1', queue: 'store' });
      expect(await told('POST', '/v1/dead-letters/replay', { ids: ['l1'], dryRun: true })).toEqual([]);
      expect(await told('POST', '/v1/dead-letters/replay', { ids: ['l1'] })).toEqual(['wake.command']);
      expect(broker.announced.at(-1)?.body).toEqual({ kind: 'command', what: 'replay' });
    });
  });
});

describe('dead letters', () => {
  it('are listed, filtered and shown whole; one whose run has succeeded is superseded', async () => {
    await withRuns(async ({ call, insert, letter }) => {
      const at = (hour: number): Date => new Date(Date.UTC(2026, 10, 20, hour));
      await insert({ _id: 'j@1', state: 'failed' });
      await insert({ _id: 'j@2', state: 'succeeded' });
      await letter({ _id: 'l1', run: 'j@1', deadAt: at(1), payload: '{"a":1}', evidence: { status: 404, body: '<h1>no' }, headers: { x: 1 } });
      await letter({ _id: 'l2', run: 'j@2', deadAt: at(2) });
      await letter({ _id: 'l3', queue: 'store', class: 'unreadable', deadAt: at(3), payload: 'not json' });
      const ids = async (query: string): Promise<string[]> => lettersAnswer.parse((await call('GET', `/v1/dead-letters?${query}`)).json()).letters.map(({ id, state }) => `${id} ${state}`);
      expect(await ids('')).toEqual(['l3 parked', 'l2 superseded', 'l1 parked']);
      expect(await ids('state=parked')).toEqual(['l3 parked', 'l1 parked']);
      expect(await ids('state=superseded')).toEqual(['l2 superseded']);
      expect(await ids('class=unreadable')).toEqual(['l3 parked']);
      expect(await ids('queue=collect&since=2026-11-20T02:00:00Z')).toEqual(['l2 superseded']);
      expect(await ids('job=other')).toEqual([]);
      expect(letterSchema.parse((await call('GET', '/v1/dead-letters/l1')).json())).toMatchObject({ payload: { a: 1 }, evidence: { status: 404 }, headers: { x: 1 } });
      expect((await call('GET', '/v1/dead-letters/l3')).json()).toMatchObject({ payload: 'not json' });
      expect((await call('GET', '/v1/dead-letters/none')).status).toBe(404);
    });
  });

  it('are replayed by id or by filter, dry first, at a rate, and never twice', async () => {
    await withRuns(async ({ call, letter, database }) => {
      for (let index = 0; index < 5; index += 1) await letter({ _id: `l${index}`, deadAt: new Date(Date.UTC(2026, 10, 20, index)), class: index < 3 ? 'http_4xx' : 'bad_body' });
      const replay = async (body: unknown) => lettersMovedAnswer.parse((await call('POST', '/v1/dead-letters/replay', { body })).json());
      expect(await replay({ filter: { class: 'http_4xx' }, dryRun: true })).toEqual({ dryRun: true, matched: 3, ids: ['l0', 'l1', 'l2'], marked: 0 });
      expect(await database.collections.deadLetters.countDocuments({ replay: { $exists: true } })).toBe(0);
      expect(await replay({ ids: ['l4', 'none'], as: 'original' })).toMatchObject({ matched: 1, marked: 1 });
      expect(await replay({ filter: { class: 'http_4xx' }, rate: 60 })).toMatchObject({ matched: 3, marked: 3 });
      expect(await replay({ filter: {} })).toMatchObject({ ids: ['l3'], marked: 1 });
      expect(await replay({ filter: {} })).toMatchObject({ matched: 0, marked: 0 });
      const marks = (await database.collections.deadLetters.find({}, { sort: { _id: 1 } }).toArray()).map(({ replay: mark }) => mark);
      expect(marks[4]).toMatchObject({ as: 'original', by: 'test' });
      const [first, second, third] = marks.map((mark) => mark?.notBefore?.getTime() ?? 0) as [number, number, number];
      expect([second - first, third - second]).toEqual([1_000, 1_000]);
      for (const body of [{}, { ids: ['a'], filter: {} }, { ids: [] }, { filter: { clas: 'x' } }, { ids: ['a'], rate: 0 }])
        expect((await call('POST', '/v1/dead-letters/replay', { body })).json()).toMatchObject({ status: 422, code: 'bad_request' });
    });
  });

  it('of deleted jobs are not replayed', async () => {
    await withRuns(async ({ call, letter, job }) => {
      await letter({ _id: 'l1', run: 'j@1', dataset: job.dataset });
      await letter({ _id: 'l2', queue: 'store', job: 'j', dataset: job.dataset });
      await call('DELETE', '/v1/jobs/j');
      await call('PUT', '/v1/jobs/j', { body: definition });
      expect((await call('POST', '/v1/dead-letters/replay', { body: { ids: ['l1'] } })).json()).toMatchObject({ status: 409, code: 'job_deleted' });
      expect((await call('POST', '/v1/dead-letters/replay', { body: { filter: {} } })).json()).toMatchObject({ ids: ['l2'], marked: 1, jobDeleted: 1 });
    });
  });

  it('are discarded, but not those that are to be replayed', async () => {
    await withRuns(async ({ call, letter }) => {
      await letter({ _id: 'l1' });
      await letter({ _id: 'l2', replay: { requestedAt: new Date(), by: 'x' } });
      expect((await call('POST', '/v1/dead-letters/discard', { body: { filter: {}, dryRun: true } })).json()).toMatchObject({ matched: 1, marked: 0 });
      expect((await call('POST', '/v1/dead-letters/discard', { body: { ids: ['l1', 'l2'] } })).json()).toMatchObject({ matched: 1, marked: 1 });
      expect((await call('GET', '/v1/dead-letters/l1')).json()).toMatchObject({ state: 'discarded' });
      expect((await call('GET', '/v1/dead-letters/l2')).json()).toMatchObject({ state: 'parked', replay: { by: 'x' } });
    });
  });
});
