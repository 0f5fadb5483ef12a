import { describe, expect, it } from '@jest/globals';
import { jobSchema, jobsAnswer, revisionsAnswer } from '@gleaner/contracts/answers';
import { createKey, type RunDocument } from '@gleaner/database';
import { withGateway } from '../testing/withGateway.ts';

const job = { schedule: { every: '1h' }, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };

describe('PUT /v1/jobs/{job}', () => {
  it('creates with 201, replaces with 200, and counts versions only for changes', async () => {
    await withGateway(async ({ call, broker }) => {
      const created = await call('PUT', '/v1/jobs/auctions', { body: job });
      expect([created.status, created.headers.get('location'), created.headers.get('etag')]).toEqual([201, '/v1/jobs/auctions', '"1"']);
      expect(jobSchema.parse(created.json())).toMatchObject({ id: 'auctions', version: 1, paused: false, health: 'new', schedule: { every: 3_600_000, timezone: 'UTC' } });
      const same = await call('PUT', '/v1/jobs/auctions', { body: job });
      expect([same.status, same.json()['version']]).toEqual([200, 1]);
      const changed = await call('PUT', '/v1/jobs/auctions', { body: { ...job, title: 'Auctions' } });
      expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
      expect(broker.announced.map(({ routingKey }) => routingKey)).toEqual(['job.changed', 'job.changed']);
    });
  });

  it('takes YAML, and what GET gave', async () => {
    await withGateway(async ({ call }) => {
      const raw = 'schedule: {cron: "20,25 5 * * *", timezone: Europe/Kyiv}\nsource:\n  http: {url: "https://upstream.example/"}\nkey: Id\n';
      expect((await call('PUT', '/v1/jobs/rates', { raw, headers: { 'content-type': 'application/yaml' } })).status).toBe(201);
      const got = await call('GET', '/v1/jobs/rates');
      const again = await call('PUT', '/v1/jobs/rates', { body: got.json() });
      expect([again.status, again.json()['version']]).toEqual([200, 1]);
    });
  });

  it('tells all faults at once, with their paths', async () => {
    await withGateway(async ({ call, database }) => {
      const answer = await call('PUT', '/v1/jobs/bad', { body: { id: 'other', schedule: { cron: 'x', every: '10ms', timezone: 'Mars/One' }, source: { http: { url: 'ftp://x' } }, surprise: 1, where: { a: { $where: 'x' } } } });
      expect(answer.status).toBe(422);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.json()).toMatchObject({ code: 'bad_job', status: 422, type: 'urn:gleaner:problem:bad_job' });
      expect(answer.json().faults?.map(({ path, code }) => `${path}: ${code}`).sort()).toEqual([
        'id: other_id', 'key: missing_key', 'schedule.cron: bad_cron', 'schedule.cron: several_triggers', 'schedule.every: too_short', 'schedule.timezone: unknown_timezone', 'source.http.url: custom', 'surprise: unknown_field', 'where.a.$where: unknown_operator',
      ]);
      const cycle = await call('PUT', '/v1/jobs/bad', { body: { ...job, key: undefined, schedule: { any: [{ cron: '0 0 31 2 *' }, { every: 5 }, { after: { job: 'bad' } }] }, source: { http: { url: 'https://x.example/{{ env.A }}', colour: 1 } } } });
      expect(cycle.json().faults?.map(({ path, code }) => `${path}: ${code}`).sort()).toEqual([
        'key: missing_key', 'schedule.any.0.cron: bad_cron', 'schedule.any.1.every: too_short', 'schedule: after_cycle', 'source.http.colour: unknown_field', 'source.http.url: bad_template',
      ]);
      expect(await database.collections.jobs.countDocuments()).toBe(0);
    });
  });

  it.each([
    ['a cron that never fires', { schedule: { cron: '0 0 31 2 *' } }, 'schedule.cron'],
    ['a cron that is none', { schedule: { cron: '99 * * * *' } }, 'schedule.cron'],
    ['an end before the start', { schedule: { every: '1h', start: '2026-12-02T00:00:00Z', end: '2026-12-01T00:00:00Z' } }, 'schedule.end'],
    ['an unknown operator', { where: { Price: { $function: {} } } }, 'where.Price.$function'],
    ['an operator that runs code', { where: { $where: 'sleep(1000)' } }, 'where.$where'],
    ['an operand of another type', { where: { Price: { $in: 5 } } }, 'where.Price.$in'],
    ['a regular expression that is none', { where: { Name: { $regex: '(' } } }, 'where.Name.$regex'],
    ['a path with a hole', { items: 'a..b' }, 'items'],
    ['a JSONata expression that is none', { fields: { x: { expr: 'a *' } } }, 'fields.x.expr'],
    ['a selector that is none', { format: 'html', items: 'tr:::' }, 'items'],
    ['a regular expression for text that is none', { format: 'text', items: '(' }, 'items'],
    ['a template that is none', { source: { http: { url: 'https://upstream.example/', query: { a: '{{ env.HOME }}' } } } }, 'source.http.query.a'],
    ['a job that fires itself', { schedule: { after: { job: 'one' } } }, 'schedule'],
    ['no key for a list', { key: undefined }, 'key'],
  ])('refuses %s', async (_name, part, path) => {
    await withGateway(async ({ call }) => {
      const answer = await call('PUT', '/v1/jobs/one', { body: { ...job, ...part } });
      expect([answer.status, answer.json().faults?.map((fault) => fault.path)]).toEqual([422, [path]]);
    });
  });

  it('refuses a cycle of jobs that fire each other, and warns of a parent that is not there', async () => {
    await withGateway(async ({ call }) => {
      const after = (parent: string): unknown => ({ ...job, schedule: { after: { job: parent } } });
      const first = await call('PUT', '/v1/jobs/a', { body: after('b') });
      expect([first.status, first.json()['warnings']]).toEqual([201, [expect.objectContaining({ code: 'unknown_parent' })]]);
      expect((await call('PUT', '/v1/jobs/b', { body: after('c') })).status).toBe(201);
      const closing = await call('PUT', '/v1/jobs/c', { body: after('a') });
      expect([closing.status, closing.json().faults?.[0]?.code]).toEqual([422, 'after_cycle']);
      expect(closing.json()['detail']).toContain('c after a after b after c');
      // Nor are there two that close one together, neither of which has seen the other.
      for (let round = 0; round < 5; round += 1) {
        const [one, other] = [`one-${round}`, `other-${round}`];
        const both = await Promise.all([call('PUT', `/v1/jobs/${one}`, { body: after(other) }), call('PUT', `/v1/jobs/${other}`, { body: after(one) })]);
        expect(new Set(both.map(({ status }) => status))).toEqual(new Set([201, 422]));
      }
    });
  });

  it('warns where partial is probably meant', async () => {
    await withGateway(async ({ call }) => {
      const answer = await call('PUT', '/v1/jobs/p', { body: { ...job, source: { http: { url: 'https://upstream.example/{{ params.day }}' } } } });
      expect([answer.status, answer.json()['warnings']]).toEqual([201, [expect.objectContaining({ path: 'partial', code: 'partial_advised' })]]);
    });
  });

  it('heeds If-Match and If-None-Match', async () => {
    await withGateway(async ({ call }) => {
      const put = async (headers: Record<string, string>, title: string) => (await call('PUT', '/v1/jobs/j', { body: { ...job, title }, headers })).status;
      expect(await put({ 'if-match': '*' }, 'a')).toBe(412);
      expect(await put({ 'if-none-match': '*' }, 'a')).toBe(201);
      expect(await put({ 'if-none-match': '*' }, 'b')).toBe(412);
      expect(await put({ 'if-match': '"7"' }, 'b')).toBe(412);
      const etag = (await call('GET', '/v1/jobs/j')).headers.get('etag') ?? '';
      expect(etag).toMatch(/^"1\./);
      expect(await put({ 'if-match': etag }, 'b')).toBe(200);
      expect(await put({ 'if-match': etag }, 'c')).toBe(412);
      expect(await put({ 'if-match': 'seven' }, 'c')).toBe(400);
    });
  });
});

describe('jobs', () => {
  it('are listed newest first, in pages that fit together', async () => {
    await withGateway(async ({ call }) => {
      for (const id of ['a', 'b', 'c', 'd', 'e']) await call('PUT', `/v1/jobs/${id}`, { body: job });
      const first = await call('GET', '/v1/jobs?limit=2');
      const page = jobsAnswer.parse(first.json());
      expect(page.jobs.map(({ id }) => id)).toEqual(['e', 'd']);
      const link = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
      const second = jobsAnswer.parse((await call('GET', link)).json());
      expect(second.jobs.map(({ id }) => id)).toEqual(['c', 'b']);
      const third = jobsAnswer.parse((await call('GET', `/v1/jobs?limit=2&after=${second.next ?? ''}`)).json());
      expect([third.jobs.map(({ id }) => id), third.next]).toEqual([['a'], undefined]);
      expect((await call('GET', `/v1/jobs?paused=true&after=${second.next ?? ''}`)).json().code).toBe('bad_cursor');
    });
  });

  it('pause, resume, and show it; every change is a revision', async () => {
    await withGateway(async ({ call }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      expect((await call('POST', '/v1/jobs/j/pause')).json()).toMatchObject({ paused: true, health: 'paused', version: 2 });
      expect((await call('POST', '/v1/jobs/j/pause')).json()).toMatchObject({ paused: true, version: 2 });
      expect((await call('GET', '/v1/jobs?paused=true')).json()['jobs']).toHaveLength(1);
      expect((await call('POST', '/v1/jobs/j/resume')).json()).toMatchObject({ paused: false, version: 3 });
      const { revisions } = revisionsAnswer.parse((await call('GET', '/v1/jobs/j/revisions')).json());
      expect(revisions.map(({ version, what, by }) => [version, what, by])).toEqual([[3, 'resumed', 'test'], [2, 'paused', 'test'], [1, 'put', 'test']]);
    });
  });

  it('are deleted once, go on counting when made again, and keep their revisions', async () => {
    await withGateway(async ({ call }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      expect((await call('DELETE', '/v1/jobs/j', { headers: { 'if-match': '"9"' } })).status).toBe(412);
      const deleted = await call('DELETE', '/v1/jobs/j');
      expect([deleted.status, deleted.text]).toEqual([204, '']);
      expect((await call('DELETE', '/v1/jobs/j')).status).toBe(404);
      expect((await call('GET', '/v1/jobs/j')).json()).toMatchObject({ code: 'not_found', status: 404 });
      expect((await call('PUT', '/v1/jobs/j', { body: job })).json()).toMatchObject({ version: 3 });
      expect((await call('GET', '/v1/jobs/j/revisions')).json()['revisions']).toHaveLength(3);
    });
  });

  it('say what they last did and when they fire next', async () => {
    await withGateway(async ({ call, database }) => {
      await call('PUT', '/v1/jobs/j', { body: { ...job, expectEvery: '2h' } });
      const started = await call('POST', '/v1/jobs/j/runs');
      const run = String(started.json()['id']);
      await database.collections.runs.updateOne({ _id: run }, { $set: { state: 'failed', endedAt: new Date() } });
      await database.collections.schedules.insertOne({ _id: 'j', through: new Date(), version: 1, nextFire: new Date('2027-01-01T00:00:00Z') });
      expect((await call('GET', '/v1/jobs/j')).json()).toMatchObject({ lastRun: { id: run, state: 'failed' }, nextFire: '2027-01-01T00:00:00.000Z', health: 'failing' });
      // However many fires were skipped since: they say nothing of how the job stands.
      const standing = (await database.collections.runs.findOne({ _id: run })) as RunDocument;
      const later = (fire: number): Date => new Date(standing.scheduledAt.getTime() + fire * 1_000);
      await database.collections.runs.insertMany([
        { ...standing, _id: 'j@under-way', state: 'running', scheduledAt: later(1) },
        ...Array.from({ length: 25 }, (_, fire): RunDocument => ({ ...standing, _id: `j@skipped-${fire}`, state: 'skipped', scheduledAt: later(2 + fire) })),
      ]);
      expect((await call('GET', '/v1/jobs/j')).json()).toMatchObject({ lastRun: { id: 'j@under-way', state: 'running' }, health: 'failing' });
    });
  });

  it('tell their coming fires, the days of a clock change marked', async () => {
    await withGateway(async ({ call }) => {
      await call('PUT', '/v1/jobs/j', { body: { ...job, schedule: { cron: '30 2 * * *', timezone: 'Europe/Berlin' } } });
      expect((await call('GET', '/v1/jobs/j/fires?count=2&from=2027-03-27T03:00:00%2B01:00')).json()).toEqual({ fires: [{ at: '2027-03-28T01:30:00.000Z', note: 'gap' }, { at: '2027-03-29T00:30:00.000Z' }] });
      expect((await call('GET', '/v1/jobs/j/fires?count=0')).status).toBe(400);
    });
  });
});

describe('scopes', () => {
  it('let each key do what it is for, and nothing else', async () => {
    await withGateway(async ({ call, database }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      const keyOf = async (scope: 'read' | 'operate' | 'write') => ({ authorization: `Bearer ${(await createKey({ database, name: scope, scopes: [scope], by: 'test' })).key}` });
      const [read, operate, write] = [await keyOf('read'), await keyOf('operate'), await keyOf('write')];
      expect((await call('GET', '/v1/jobs', { headers: read })).status).toBe(200);
      expect((await call('PUT', '/v1/jobs/j', { headers: read, body: job })).json()).toMatchObject({ status: 403, code: 'forbidden', scope: 'write' });
      expect((await call('POST', '/v1/jobs/j/runs', { headers: read })).status).toBe(403);
      expect((await call('POST', '/v1/jobs/j/runs', { headers: operate })).status).toBe(202);
      expect((await call('PUT', '/v1/jobs/j', { headers: write, body: job })).status).toBe(200);
      expect((await call('GET', '/v1/keys', { headers: write })).status).toBe(403);
    });
  });
});
