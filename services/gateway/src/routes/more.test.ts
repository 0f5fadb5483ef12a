import { describe, expect, it } from '@jest/globals';
import { backfillAnswer, seriesAnswer, simulateAnswer, tryAnswer } from '@gleaner/contracts';
import { BrokerError } from '@gleaner/broker';
import { findJob, newRun, type JobDocument } from '@gleaner/database';
import { until } from '../../../../test/support/until.ts';
import { seedSnapshot } from '../testing/seedSnapshot.ts';
import { withGateway } from '../testing/withGateway.ts';

const job = { schedule: { every: '1h' }, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };

describe('POST /v1/simulate', () => {
  it('says fires, overlaps and requests of the jobs in the body, and changes nothing', async () => {
    await withGateway(async ({ call, database }) => {
      const body = { jobs: [{ ...job, id: 'a' }, { ...job, id: 'b', schedule: { cron: '*/20 * * * *' } }], from: '2026-11-20T00:00:00Z', to: '2026-11-20T02:00:00Z', duration: '30m' };
      const answer = simulateAnswer.parse((await call('POST', '/v1/simulate', { body })).json());
      expect(answer.jobs).toEqual([expect.objectContaining({ job: 'a', fires: 2, skipped: 0 }), expect.objectContaining({ job: 'b', fires: 6, runs: 3, skipped: 3 })]);
      expect(answer.origins).toEqual([expect.objectContaining({ origin: 'https://upstream.example', requests: 5 })]);
      expect(await database.collections.jobs.countDocuments()).toBe(0);
    });
  });

  it('takes the jobs that there are, and refuses what is wrong with the place it is in', async () => {
    await withGateway(async ({ call }) => {
      await call('PUT', '/v1/jobs/present', { body: job });
      expect(simulateAnswer.parse((await call('POST', '/v1/simulate', { body: {} })).json()).jobs).toEqual([expect.objectContaining({ job: 'present', fires: 24 })]);
      const bad = await call('POST', '/v1/simulate', { body: { jobs: [{ ...job, id: 'a' }, { ...job, id: 'a', schedule: { cron: 'x' } }] } });
      expect([bad.status, bad.json().faults?.map(({ path }) => path)]).toEqual([422, ['jobs.1.schedule.cron', 'jobs.1.id']]);
      const after = (parent: string) => ({ ...job, schedule: { after: { job: parent } } });
      const more = await call('POST', '/v1/simulate', { body: { jobs: [{ ...job, id: 'a', items: 'a..b' }, { ...job, id: 'b', source: { http: { url: 'https://x.example/{{ env.A }}' } } }, { ...after('d'), id: 'c' }, { ...after('c'), id: 'd' }] } });
      expect(more.json().faults?.map(({ path, code }) => `${path}: ${code}`)).toEqual(['jobs.0.items: bad_path', 'jobs.1.source.http.url: bad_template', 'jobs.2.schedule: after_cycle', 'jobs.3.schedule: after_cycle']);
      expect((await call('POST', '/v1/simulate', { body: { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' } })).json().faults?.[0]?.path).toBe('to');
    });
  });
});

describe('POST /v1/jobs/{job}/backfill', () => {
  it('makes a run for each fire without a good one, once, however often and at once it is asked', async () => {
    await withGateway(async ({ call, database }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      const found = (await findJob({ database, id: 'j' })) as JobDocument;
      const at = (hour: number): Date => new Date(Date.UTC(2026, 9, 1, hour));
      const now = database.clock.now();
      const states = ['succeeded', 'failed', 'unchanged', 'skipped', 'running'] as const;
      await database.collections.runs.insertMany(states.map((state, hour) => ({ ...newRun({ id: `j@${hour}`, job: found, trigger: 'schedule', scheduledAt: at(hour), now, maxAttempts: 5 }), state })));
      const body = { from: at(0).toISOString(), to: at(6).toISOString() };
      const dry = await call('POST', '/v1/jobs/j/backfill', { body: { ...body, dryRun: true } });
      expect([dry.status, backfillAnswer.parse(dry.json())]).toEqual([200, { dryRun: true, fires: 7, there: 3, made: 0, runs: [] }]);
      const answers = await Promise.all([1, 2, 3].map(async () => await call('POST', '/v1/jobs/j/backfill', { body })));
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
      const runs = answers.flatMap((answer) => backfillAnswer.parse(answer.json()).runs);
      expect(runs.map((run) => run.slice(0, run.indexOf('~')))).toEqual([1, 3, 5, 6].map((hour) => `j@${at(hour).toISOString()}`));
      expect(await database.collections.runs.findOne({ _id: runs[0] ?? '' })).toMatchObject({ trigger: 'backfill', state: 'due', scheduledAt: at(1) });
      expect((await call('GET', '/v1/runs?job=j&trigger=backfill')).json()['runs']).toHaveLength(4);
    });
  });

  it('refuses the future, a stretch backwards and one without end', async () => {
    await withGateway(async ({ call }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      for (const body of [{ from: '2026-01-01T00:00:00Z', to: '2999-01-01T00:00:00Z' }, { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, { from: '1980-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }, { from: 'x', to: 'y' }, {}])
        expect((await call('POST', '/v1/jobs/j/backfill', { body })).json()).toMatchObject({ status: 422, code: 'bad_request' });
      expect((await call('POST', '/v1/jobs/nobody/backfill', { body: { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' } })).status).toBe(404);
    });
  });
});

describe('POST /v1/try', () => {
  it('asks a collector, and says who was away where none answers', async () => {
    const asked: unknown[] = [];
    let fail: BrokerError | undefined;
    const answer = { ok: true, request: { status: 200, bytes: 10, durationMs: 3 }, counts: { received: 2, kept: 1, duplicates: 0 }, sample: [{ key: 'a', data: { n: 1 } }], faults: [], requests: 1 };
    const request = async (question: unknown): Promise<unknown> => {
      asked.push(question);
      if (fail) throw fail;
      return answer;
    };
    await withGateway(async ({ call }) => {
      const tried = await call('POST', '/v1/try?sample=5&params={"day":"x"}', { raw: 'source: {http: {url: "https://upstream.example/"}}\nkey: Id\n', headers: { 'content-type': 'application/yaml' } });
      expect(tryAnswer.parse(tried.json())).toEqual(answer);
      expect(asked[0]).toMatchObject({ exchange: 'gleaner', routingKey: 'try', type: 'try.v1', body: { v: 1, source: { http: { url: 'https://upstream.example/' } }, extraction: { key: 'Id' }, sample: 5, inputs: { params: { day: 'x' } } } });
      fail = new BrokerError('no_reply', 'nobody answered');
      expect((await call('POST', '/v1/try', { body: job })).json()).toMatchObject({ status: 503, code: 'collector_unavailable', reason: 'no_reply' });
      fail = new BrokerError('connection_lost', 'no broker');
      const away = await call('POST', '/v1/try', { body: job });
      expect([away.json().code, away.headers.get('retry-after')]).toEqual(['broker_unavailable', '2']);
      expect((await call('POST', '/v1/try', { body: { ...job, key: undefined } })).json()).toMatchObject({ code: 'bad_job', faults: [{ path: 'key' }] });
      expect((await call('POST', '/v1/try', { body: { ...job, source: { http: { url: 'https://{{ params.host }}/' } } } })).json()).toMatchObject({ code: 'bad_job', faults: [{ path: 'source.http.url', code: 'templated_origin' }] });
      const faulty = { ...job, items: 'a..b', fields: { x: { expr: '(' } }, where: { a: { $near: 1 } } };
      expect((await call('POST', '/v1/try', { body: faulty })).json()).toMatchObject({ status: 422, code: 'bad_job', faults: [{ path: 'items', code: 'bad_path' }, { path: 'fields.x.expr', code: 'bad_expression' }, { path: 'where.a.$near', code: 'unknown_operator', message: expect.stringContaining('$elemMatch') }] });
      expect((await call('POST', '/v1/try?params=[1]', { body: job })).json().code).toBe('bad_query');
    }, { broker: { request } });
  });

  it('fills in what other jobs would give a run, or says that they have nothing', async () => {
    const asked: { readonly body?: unknown }[] = [];
    const answer = { ok: true, request: { bytes: 0, durationMs: 0 }, counts: { received: 0, kept: 0, duplicates: 0 }, sample: [], faults: [], requests: 1 };
    await withGateway(async ({ call, database }) => {
      await call('PUT', '/v1/jobs/companies', { body: job });
      const http = (forEach: object) => ({ source: { http: { url: 'https://upstream.example/', query: { s: '{{ each }}', r: '{{ trigger.item.symbol }}' }, forEach } }, key: 'id' });
      const named = { ...http({ job: 'companies', field: 'symbol' }), schedule: { after: { job: 'companies' } } };
      const nothing = await call('POST', '/v1/try', { body: named });
      expect(tryAnswer.parse(nothing.json())).toMatchObject({ ok: false, requests: 0, faults: [{ path: 'source.http.forEach', code: 'no_input', message: expect.stringContaining('companies') }] });
      expect(asked).toEqual([]);
      const companies = (await findJob({ database, id: 'companies' })) as JobDocument;
      await seedSnapshot({ database, job: companies, observedAt: new Date('2026-11-20T01:00:00Z'), items: { a: { symbol: 'AAPL' } } });
      const run = await seedSnapshot({ database, job: companies, observedAt: new Date('2026-11-20T02:00:00Z'), items: { a: { symbol: 'AAPL' }, b: { symbol: 'MSFT' }, c: {} } });
      expect((await call('POST', '/v1/try?params={"x":1}', { body: named })).json()).toEqual(answer);
      expect(asked[0]?.body).toMatchObject({ inputs: { params: { x: 1 }, forEach: ['AAPL', 'MSFT'], trigger: { run, items: [{ symbol: 'MSFT' }, {}], item: { symbol: 'MSFT' } } } });
      await call('POST', '/v1/try', { body: { ...http({ list: ['A'] }), schedule: { any: [{ every: '1h' }, { after: { job: 'nobody' } }] } } });
      expect(asked[1]?.body).toMatchObject({ inputs: {} });
    }, { broker: { request: (question: { readonly body?: unknown }) => {
      asked.push(question);
      return Promise.resolve(answer);
    } } });
  });
});

describe('GET /v1/jobs/{job}/series', () => {
  it('gives a field of items over time, by changes or by steps, and the counts', async () => {
    await withGateway(async ({ call, database }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      const found = (await findJob({ database, id: 'j' })) as JobDocument;
      const at = (hour: number): string => new Date(Date.UTC(2026, 10, 20, hour)).toISOString();
      const land = async (hour: number, items: Record<string, unknown>) => void (await seedSnapshot({ database, job: found, observedAt: new Date(at(hour)), items }));
      await land(1, { a: { p: { x: 1 }, q: 1 } });
      await land(2, { a: { p: { x: 1 }, q: 2 }, b: { p: { x: 9 } } });
      await land(3, { a: { p: { x: 3 }, q: 2 } });
      await land(5, { b: { p: { x: 7 } } });
      const ask = async (query: string) => seriesAnswer.parse((await call('GET', `/v1/jobs/j/series?${query}`)).json()).series;
      expect(await ask(`field=p.x&key=a&key=b&from=${at(0)}&to=${at(6)}`)).toEqual([
        { key: 'a', points: [{ at: at(1), value: 1 }, { at: at(3), value: 3 }, { at: at(5), value: null }] },
        { key: 'b', points: [{ at: at(2), value: 9 }, { at: at(3), value: null }, { at: at(5), value: 7 }] },
      ]);
      expect(await ask(`field=p.x&key=a&from=${new Date(Date.UTC(2026, 10, 20, 2, 30)).toISOString()}&to=${at(4)}`)).toEqual([{ key: 'a', points: [{ at: '2026-11-20T02:30:00.000Z', value: 1 }, { at: at(3), value: 3 }] }]);
      expect(await ask(`field=p.x&key=a&from=${at(0)}&to=${at(6)}&step=2h`)).toEqual([{ key: 'a', points: [{ at: at(2), value: 1 }, { at: at(4), value: 3 }, { at: at(6), value: null }] }]);
      expect(await ask(`field=total&from=${at(0)}&to=${at(6)}`)).toEqual([{ points: [{ at: at(1), value: 1 }, { at: at(2), value: 2 }, { at: at(3), value: 1 }] }]);
      for (const query of ['', 'field=nothing', `field=total&from=${at(5)}&to=${at(1)}`, `field=total&from=1990-01-01T00:00:00Z&step=1s`, 'field=total&step=1ms'])
        expect((await call('GET', `/v1/jobs/j/series?${query}`)).json().code).toBe('bad_query');
    });
  });
});

describe('GET /v1/events', () => {
  it('brings what happens as it happens, and after a break what was missed', async () => {
    await withGateway(async ({ url, key, event, call, broker }) => {
      const open = async (query = '', headers: Record<string, string> = {}) => {
        const abort = new AbortController();
        const response = await fetch(`${url}/v1/events${query}`, { headers: { authorization: `Bearer ${key}`, ...headers }, signal: abort.signal });
        expect(response.headers.get('content-type')).toContain('text/event-stream');
        let text = '';
        const decoder = new TextDecoder();
        const reading = (async () => {
          for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) text += decoder.decode(part);
        })().catch(() => undefined); // ends by the abort below
        return { seen: () => [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data ?? '') as { run?: string; job?: string }), text: () => text, close: async () => { abort.abort(); await reading; } };
      };
      const run = (id: string, of = 'j') => ({ kind: 'run', run: id, job: of, state: 'due', rev: 1, at: '2026-11-20T00:00:00.000Z' }) as const;
      // A stream that breaks before its first event knows where to go on, too.
      const early = await open();
      await until(() => /^id: \S+$/m.test(early.text()));
      const earlyId = /^id: (\S+)$/m.exec(early.text())?.[1] ?? '';
      await early.close();
      event(run('j@0'));
      const back = await open('', { 'last-event-id': earlyId });
      await until(() => back.seen().length === 1);
      expect(back.seen().map((seen) => seen.run)).toEqual(['j@0']);
      await back.close();
      const all = await open();
      const one = await open('?job=k');
      await until(async () => (await call('GET', '/metrics')).text.includes('gateway_event_listeners 2'));
      event(run('j@1'));
      event(run('k@1', 'k'));
      event(run('j@2'));
      await until(() => all.seen().length === 3);
      expect(all.seen().map((seen) => seen.run)).toEqual(['j@1', 'k@1', 'j@2']);
      await until(() => one.seen().length === 1);
      const lastId = /id: (\S+)\nevent: run\ndata: [^\n]*j@1/.exec(all.text())?.[1] ?? '';
      await all.close();
      await one.close();
      await until(async () => (await call('GET', '/metrics')).text.includes('gateway_event_listeners 0'));
      const again = await open('', { 'last-event-id': lastId });
      await until(() => again.seen().length === 2);
      expect(again.seen().map((seen) => seen.run)).toEqual(['k@1', 'j@2']);
      expect(again.text()).not.toContain('event: gap');
      broker.gap();
      await until(() => again.text().includes('event: gap'));
      const foreign = await open('', { 'last-event-id': 'another-7' });
      await until(() => foreign.text().includes('event: gap'));
      await again.close();
      await foreign.close();
    });
  });

  it('ends when the gateway stops, which also makes it not ready', async () => {
    await withGateway(async ({ url, key, stop }) => {
      const response = await fetch(`${url}/v1/events`, { headers: { authorization: `Bearer ${key}` } });
      const text = response.text();
      stop();
      expect(await text).toContain('retry:');
      expect((await fetch(`${url}/health/ready`)).status).toBe(503);
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
    });
  });
});
