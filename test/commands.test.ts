import { describe, expect, it } from '@jest/globals';
import type { RunAnswer, TryAnswer } from '@gleaner/contracts';
import { until } from './support/until.ts';
import { withGleaner } from './support/withGleaner.ts';
import { withServer } from './support/withServer.ts';

interface Upstream {
  readonly url: string;
  items: unknown[];
  status: number;
}

async function withUpstream(fn: (upstream: Upstream) => Promise<void>): Promise<void> {
  const upstream = { items: [{ id: 'a', n: 1 }, { id: 'b', n: 2 }] as unknown[], status: 200 };
  await withServer((_request, response) => { response.writeHead(upstream.status, { 'content-type': 'application/json' }).end(JSON.stringify(upstream.items)); },
    async ({ url }) => await fn(Object.assign(upstream, { url })));
}

const jobOf = (url: string, more: object = {}): object => ({ schedule: {}, source: { http: { url, retry: { attempts: 1 } } }, key: 'id', ...more });

describe('commands at the gateway reach whom they are for', () => {
  it('try asks a collector, which stores nothing', async () => {
    await withUpstream(async (upstream) => {
      await withGleaner(async ({ api, database }) => {
        const tried = await until(async () => {
          const answer = await api<TryAnswer>('POST', '/v1/try', { ...jobOf(upstream.url), where: { n: { $gt: 1 } } });
          return answer.status === 200 ? answer.body : undefined;
        });
        expect(tried).toMatchObject({ ok: true, request: { status: 200 }, counts: { received: 2, kept: 1 }, sample: [{ key: 'b', data: { id: 'b', n: 2 } }], faults: [] });
        upstream.status = 404;
        expect((await api<TryAnswer>('POST', '/v1/try', jobOf(upstream.url))).body).toMatchObject({ ok: false, faults: [{ code: 'http_4xx' }] });
        expect((await api<TryAnswer>('POST', '/v1/try', jobOf('http://169.254.169.254/'))).body).toMatchObject({ ok: false, faults: [{ code: 'blocked_address' }] });
        expect(await database.collections.runs.countDocuments()).toBe(0);
      }, { services: ['collector', 'gateway'] });
    });
  });

  it('accept and reject decide a quarantined snapshot, retry gives a failed run another chance, and live events tell of it', async () => {
    await withUpstream(async (upstream) => {
      await withGleaner(async ({ api, putJob, runIn, find }) => {
        await putJob('j', jobOf(upstream.url, { gate: { minItems: 2 } }));
        const stop = new AbortController();
        let heard = '';
        const hearing = fetch(`${find('gateway').url}/v1/events?job=j`, { headers: { authorization: 'Bearer test-admin-key-0123456789' }, signal: stop.signal }).then(async ({ body }) => {
          for await (const part of body as unknown as AsyncIterable<Uint8Array>) heard += new TextDecoder().decode(part);
        }).catch(() => undefined); // ends by the abort below
        const start = async (): Promise<string> => (await api<RunAnswer>('POST', '/v1/jobs/j/runs', {})).body.id;
        const itemsOf = async (): Promise<string[]> => (await api<{ items: { key: string }[] }>('GET', '/v1/jobs/j/items')).body.items.map(({ key }) => key);

        await runIn(await start(), ['succeeded']);
        upstream.items = [{ id: 'c', n: 3 }];
        const refused = await start();
        await runIn(refused, ['quarantined']);
        expect(await itemsOf()).toEqual(['a', 'b']);
        expect((await api('POST', `/v1/runs/${refused}/reject`)).status).toBe(202);
        expect(await runIn(refused, ['failed'])).toMatchObject({ reason: 'rejected' });
        const taken = await start();
        await runIn(taken, ['quarantined']);
        expect((await api('POST', `/v1/runs/${taken}/accept`)).status).toBe(202);
        await runIn(taken, ['succeeded']);
        expect(await itemsOf()).toEqual(['c']);

        upstream.status = 404;
        const failed = await start();
        const { letter } = await runIn(failed, ['failed']);
        upstream.status = 200;
        upstream.items = [{ id: 'd', n: 4 }, { id: 'e', n: 5 }];
        expect((await api('POST', `/v1/runs/${failed}/retry`)).status).toBe(202);
        await runIn(failed, ['succeeded']);
        expect(await itemsOf()).toEqual(['d', 'e']);
        expect((await api('GET', `/v1/dead-letters/${letter ?? ''}`)).body).toMatchObject({ state: 'replayed' });
        await until(() => heard.includes(`"run":"${failed}"`) && heard.includes('"state":"quarantined"'), { see: () => heard });
        stop.abort();
        await hearing;
      });
    });
  });

  it('backfill runs each missing fire of a past stretch, once', async () => {
    await withUpstream(async (upstream) => {
      await withGleaner(async ({ api, putJob, database }) => {
        await putJob('j', jobOf(upstream.url, { schedule: { every: '1h', start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' } }));
        const stretch = { from: '2020-01-01T00:00:00Z', to: '2020-01-01T03:00:00Z' };
        expect((await api('POST', '/v1/jobs/j/backfill', stretch)).body).toMatchObject({ fires: 4, made: 4 });
        await until(async () => (await database.collections.runs.countDocuments({ state: { $in: ['due', 'queued', 'running', 'retrying'] } })) === 0, { timeout: 20_000 });
        const runs = (await api<{ runs: RunAnswer[] }>('GET', '/v1/runs?job=j&trigger=backfill')).body.runs;
        expect(runs.map(({ scheduledAt, state }) => [scheduledAt, ['succeeded', 'unchanged'].includes(state)])).toEqual([3, 2, 1, 0].map((hour) => [`2020-01-01T0${hour}:00:00.000Z`, true]));
        expect((await api('POST', '/v1/jobs/j/backfill', stretch)).body).toMatchObject({ fires: 4, there: 4, made: 0 });
      });
    });
  });
});
