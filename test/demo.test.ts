import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HistoryAnswer, ItemsAnswer, RunAnswer } from '@gleaner/contracts';
import { makeFeeds, startPlayback } from '@gleaner/demo';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { withGleaner } from './support/withGleaner.ts';
import type { Gleaner } from './support/withGleaner.ts';

const folder = join(import.meta.dirname, '../deploy/demo/jobs');
const begin = Date.parse('2026-11-21T05:00:30Z');

/** The demo's upstream with a clock that stands still, its sample jobs put, and a whole Gleaner beside it. */
async function withDemo(fn: (demo: { readonly gleaner: Gleaner; readonly gather: (job: string) => Promise<RunAnswer>; readonly items: (job: string) => Promise<ItemsAnswer>; readonly control: (body: object) => Promise<void> }) => Promise<void>): Promise<void> {
  const playback = await startPlayback({ feeds: makeFeeds({ seed: 1, steps: { auctions: 3_600_000, rates: 60_000, manifest: 600_000 } }), host: '127.0.0.1', port: 0, apiKey: 'demo-key', now: () => begin });
  try {
    await withGleaner(async (gleaner) => {
      for (const file of readdirSync(folder)) {
        const job = parse(readFileSync(join(folder, file), 'utf8').replaceAll('http://playback', playback.url)) as { id: string };
        // The sample jobs' own fires would come between the runs that are asked for here.
        await gleaner.putJob(job.id, { ...job, schedule: {} });
      }
      await fn({
        gleaner,
        gather: async (job) => {
          const { status, body } = await gleaner.api<RunAnswer>('POST', `/v1/jobs/${job}/runs`, {});
          expect(status).toBe(202);
          return await gleaner.runIn(body.id, ['succeeded', 'unchanged', 'failed', 'quarantined']);
        },
        items: async (job) => (await gleaner.api<ItemsAnswer>('GET', `/v1/jobs/${job}/items?limit=1000`)).body,
        control: async (body) => expect((await fetch(`${playback.url}/control`, { method: 'POST', body: JSON.stringify(body) })).status).toBe(200),
      });
    }, { env: { SECRET_TSM_KEY: 'demo-key' } });
  } finally {
    await playback.close();
  }
}

describe('the demo', () => {
  it('gathers every sample job to the digit, says unchanged while nothing moved, and keeps each version once time moves on', () =>
    withDemo(async ({ gleaner, gather, items, control }) => {
      const jobs = readdirSync(folder).map((file) => file.replace('.yaml', ''));
      for (const job of jobs) expect({ job, run: await gather(job) }).toMatchObject({ job, run: { state: 'succeeded' } });

      const total = Object.fromEntries(await Promise.all(jobs.map(async (job) => [job, (await items(job)).total] as const)));
      expect(total).toEqual({ 'auctions': 32, 'manifest': 1, 'rates-cbr': 43, 'rates-ecb': 30, 'rates-privatbank': 4, 'rates-usd': 169 });
      const find = async (job: string, key: string): Promise<unknown> => (await items(job)).items.find((item) => item.key === key)?.data;
      expect(await find('auctions', '2447')).toEqual({ id: 2447, name: 'Peacebloom', marketValue: expect.any(Number), minBuyout: expect.any(Number), quantity: expect.any(Number), auctions: expect.any(Number), historicalPrice: expect.any(Number), regionMarketAvg: expect.any(Number) });
      expect(await find('rates-privatbank', '["USD","UAH"]')).toEqual({ currency: 'USD', base: 'UAH', buy: expect.any(Number), sale: expect.any(Number) });
      expect(await find('rates-cbr', 'JPY')).toEqual({ id: 'R01820', name: 'Японских иен', nominal: 100, value: expect.any(Number) });
      expect(await find('rates-ecb', 'JPY')).toEqual({ currency: 'JPY', rate: expect.any(Number) });
      expect(await find('rates-usd', 'EUR')).toEqual({ value: expect.any(Number) });
      expect(await find('manifest', 'item')).toMatchObject({ version: expect.stringMatching(/^\d+\.\d\d\./), world: expect.stringMatching(/^\/common\//) });

      // By ETag, by date, or (PrivatBank sends neither) by the body's hash.
      for (const job of jobs) expect({ job, run: await gather(job) }).toMatchObject({ job, run: { state: 'unchanged' } });

      const before = await find('rates-usd', 'EUR');
      await control({ advance: '1m' });
      expect(await gather('rates-usd')).toMatchObject({ state: 'succeeded' });
      const { body: history } = await gleaner.api<HistoryAnswer>('GET', '/v1/jobs/rates-usd/history?key=EUR');
      expect(history.versions).toHaveLength(2);
      expect(history.versions[1]).toMatchObject({ data: before });
      expect(await find('rates-usd', 'EUR')).not.toEqual(before);
    }), 120_000);

  it('fails a run while an upstream is sick, keeps what was there, and goes on when it is well', () =>
    withDemo(async ({ gather, items, control }) => {
      expect(await gather('rates-ecb')).toMatchObject({ state: 'succeeded' });
      await control({ path: '/stats/eurofxref/eurofxref-daily.xml', mode: 'garbage' });
      expect(await gather('rates-ecb')).toMatchObject({ state: 'failed', error: { class: 'bad_body' } });
      expect((await items('rates-ecb')).total).toBe(30);
      await control({ mode: 'ok', advance: '1m' });
      expect(await gather('rates-ecb')).toMatchObject({ state: 'succeeded' });
    }), 120_000);
});
