import { describe, expect, it } from '@jest/globals';
import { tryAnswer } from '@gleaner/contracts/answers';
import { BrokerError } from '@gleaner/broker';
import { findJob, type JobDocument } from '@gleaner/database';
import { seedSnapshot } from '../testing/seedSnapshot.ts';
import { withGateway } from '../testing/withGateway.ts';

const job = { schedule: { every: '1h' }, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };

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
      // What is wrong with the shape hides nothing of what is wrong with the rest; PUT says the same.
      const mixed = { ...faulty, maxDuration: 'soon', schedule: { cron: 'x' } };
      const all = (await call('POST', '/v1/try', { body: mixed })).json().faults?.map(({ path }) => path);
      expect(all).toEqual(['maxDuration', 'schedule.cron', 'items', 'fields.x.expr', 'where.a.$near']);
      expect((await call('PUT', '/v1/jobs/mixed', { body: mixed })).json().faults?.map(({ path }) => path)).toEqual(all);
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
      // A run that changed nothing would trigger none: what an earlier one might have brought stands for it.
      const same = await seedSnapshot({ database, job: companies, observedAt: new Date('2026-11-20T03:00:00Z'), items: { a: { symbol: 'AAPL' }, b: { symbol: 'MSFT' }, c: {} } });
      await call('POST', '/v1/try', { body: named });
      expect(asked[1]?.body).toMatchObject({ inputs: { trigger: { run: same, items: [{ symbol: 'AAPL' }, { symbol: 'MSFT' }, {}], item: { symbol: 'AAPL' } } } });
      await call('POST', '/v1/try', { body: { ...http({ list: ['A'] }), schedule: { any: [{ every: '1h' }, { after: { job: 'nobody' } }] } } });
      expect(asked[2]?.body).toMatchObject({ inputs: {} });
    }, { broker: { request: (question: { readonly body?: unknown }) => {
      asked.push(question);
      return Promise.resolve(answer);
    } } });
  });
});
