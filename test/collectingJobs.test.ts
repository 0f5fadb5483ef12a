import type { ItemsAnswer, RunAnswer } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { until } from './support/until.ts';
import { withGleaner, type Gleaner } from './support/withGleaner.ts';
import { withServer } from './support/withServer.ts';

const start = async (gleaner: Gleaner, job: string, params?: object): Promise<string> => (await gleaner.api<RunAnswer>('POST', `/v1/jobs/${job}/runs`, params === undefined ? {} : { params })).body.id;
const itemsOf = async (gleaner: Gleaner, job: string): Promise<Record<string, unknown>> =>
  Object.fromEntries((await gleaner.api<ItemsAnswer>('GET', `/v1/jobs/${job}/items`)).body.items.map(({ key, data }) => [key, data]));

describe('jobs whose source is not one page of the web', () => {
  it('a computation can be followed from the queue to its result, and cancelled in the middle', () => withGleaner(async (gleaner) => {
    const { find, runIn, putJob, api, services } = gleaner;
    const source = { task: 'integrate', params: { f: 'x*y', a: 0, b: 2, c: 0, d: 2, size: 20_000 } };
    await putJob('volume', { source });
    // While no collector is there it waits, and says so.
    await find('collector').end();
    const long = await start(gleaner, 'volume', { f: 'sin(x)*cos(y)*exp(x*y)' });
    await runIn(long, ['queued']);
    await gleaner.start('collector');
    expect(await runIn(long, ['running', 'succeeded'])).toMatchObject({ state: 'running', params: { f: 'sin(x)*cos(y)*exp(x*y)' } });
    expect((await api('DELETE', `/v1/runs/${long}`)).status).toBe(204);
    await runIn(long, ['cancelled']);
    // The same job again, small: parameters of the run go over the job's, the rest stay.
    const short = await start(gleaner, 'volume', { size: 100 });
    expect(await runIn(short, ['succeeded', 'failed'])).toMatchObject({ state: 'succeeded', counts: { received: 1, kept: 1, added: 1 }, snapshot: expect.any(String) });
    expect(await itemsOf(gleaner, 'volume')).toEqual({ result: { value: expect.closeTo(4, 6) } });
    expect(await runIn(long, ['cancelled'])).toMatchObject({ state: 'cancelled' });
    const wrong = await start(gleaner, 'volume', { f: 'process.exit(1)' });
    expect(await runIn(wrong, ['succeeded', 'failed'])).toMatchObject({ state: 'failed', error: { class: 'task_error' } });
    for (const { lines } of services) expect(lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  }), 120_000);

  it('asks for each value of another job, and for what a run of another job has changed', async () => {
    const companies = [{ symbol: 'AAPL' }, { symbol: 'X&Y' }];
    const asked: string[] = [];
    await withServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://upstream');
      asked.push(`${url.pathname}${url.search}`);
      const symbol = url.searchParams.get('s') ?? '';
      response.setHeader('content-type', 'application/json').end(JSON.stringify(url.pathname === '/companies' ? companies : [{ symbol, length: symbol.length }]));
    }, ({ url }) => withGleaner(async (gleaner) => {
      const { putJob, runIn, newestRun } = gleaner;
      await putJob('companies', { source: { http: { url: `${url}/companies` } }, key: 'symbol' });
      await putJob('quotes', { source: { http: { url: `${url}/quote`, query: { s: '{{ each }}' }, forEach: { job: 'companies', field: 'symbol' } } }, key: 'symbol' });
      await putJob('changes', { schedule: { after: { job: 'companies', on: 'changed' } }, source: { http: { url: `${url}/change`, query: { s: '{{ trigger.item.symbol }}', run: '{{ trigger.run }}' } } }, key: 'symbol', partial: true });
      const early = await start(gleaner, 'quotes');
      expect(await runIn(early, ['skipped', 'succeeded', 'failed'])).toMatchObject({ state: 'skipped', reason: 'no input' });

      const first = await start(gleaner, 'companies');
      await runIn(first, ['succeeded']);
      await runIn(await start(gleaner, 'quotes'), ['succeeded']);
      expect(await itemsOf(gleaner, 'quotes')).toEqual({ AAPL: { symbol: 'AAPL', length: 4 }, 'X&Y': { symbol: 'X&Y', length: 3 } });
      await until(async () => (await newestRun('changes'))?.state === 'succeeded', { see: () => newestRun('changes') });
      expect(asked.filter((path) => path.startsWith('/change'))).toEqual([`/change?s=AAPL&run=${encodeURIComponent(first)}`]);

      companies.push({ symbol: 'MSFT' });
      const second = await start(gleaner, 'companies');
      await runIn(second, ['succeeded']);
      await until(async () => Object.keys(await itemsOf(gleaner, 'changes')).length === 2, { see: () => newestRun('changes') });
      expect(asked.at(-1)).toBe(`/change?s=MSFT&run=${encodeURIComponent(second)}`);
    }));
  }, 120_000);
});
