import { Agent } from 'node:http';
import type { ItemsAnswer } from '@gleaner/contracts';
import type { Finding } from '../core/finding.ts';
import { plain, summarize, times } from '../core/statistics.ts';
import { auctionData } from '../parts/auctionData.ts';
import type { BenchRow } from '../parts/bench.ts';
import { readPage } from '../parts/loadPages.ts';
import { readCopies } from '../parts/readCopies.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import type { BenchGleaner } from '../parts/withGleaner.ts';

const [path, job] = ['/history', 'history'];
const copiesPath = '/auctions';
const turns = 5;

interface Sizes {
  readonly keys: number;
  /** Keys that each gather changes. */
  readonly changed: number;
  /** Versions at which pages are measured. */
  readonly stops: readonly number[];
  readonly pages: number;
}

/** Pages of 1,000 items at random moments of the past, beside pages of the latest state, while the history grows through the whole pipeline. */
export const pastPage: BenchRow = {
  name: 'past-page',
  title: 'a page of 1,000 items in the past',
  run: (bench) =>
    withGleaner({ servers: bench.servers }, async (gleaner) => {
      const sizes: Sizes = bench.pick({ keys: 20_000, changed: 1_000, stops: [100_000, 1_000_000], pages: 300 }, { keys: 3_000, changed: 300, stops: [5_000, 8_000], pages: 20 });
      const state = Array.from({ length: sizes.keys }, (_, place) => ({ id: place, name: `Item ${place}`, price: place * 7, stock: place % 90, note: 'a note that is as long as such notes tend to be' }));
      await gleaner.putJob(job, { source: { http: { url: `${gleaner.upstream.url}${path}` } }, format: 'json', items: '$', key: 'id', maxDuration: '5m' });
      const moments: string[] = [];
      let [versions, round] = [0, 0];
      const findings: Finding[] = [];
      const past: Record<number, readonly number[]> = {};
      for (const stop of sizes.stops) {
        for (; versions < stop; round += 1) {
          if (round > 0) for (let place = 0; place < sizes.changed; place += 1) change(state, (round * sizes.changed * 7 + place * 7) % sizes.keys, round);
          gleaner.upstream.serve(path, { body: JSON.stringify(state) });
          const { run } = await gleaner.gather(job, path);
          versions += round === 0 ? sizes.keys : sizes.changed;
          moments.push(await observedAtOf(gleaner, run));
          if (round % 100 === 0) bench.log(`${plain(versions)} versions`);
        }
        const [old, latest]: [number[], number[]] = [[], []];
        // In turns, so that neither has the machine's quieter minute; the first round only warms both up.
        for (let turn = 0; turn <= turns; turn += 1) {
          const pair = [await measurePages(gleaner, sizes.pages / turns, () => moments[Math.floor(Math.random() * moments.length)]), await measurePages(gleaner, sizes.pages / turns, () => undefined)] as const;
          if (turn === 0) continue;
          old.push(...pair[0]);
          latest.push(...pair[1]);
        }
        past[stop] = old;
        const [pastTimes, latestTimes] = [summarize(old), summarize(latest)];
        const ratio = pastTimes.p50 / latestTimes.p50;
        const last = stop === sizes.stops.at(-1);
        bench.log(`${plain(stop)} versions: past ${times(old)}; latest ${times(latest)}`);
        findings.push({
          what: `page of 1,000 in the past at ${plain(stop)} versions`, wanted: last ? 'p50 ≤ 2 × the latest page, p99 ≤ 50 ms' : 'p50 ≤ 2 × the latest page',
          measured: `${times(old)}; ${plain(ratio)} × the latest`, beside: `latest page: ${times(latest)}`, reached: ratio <= 2 && (!last || pastTimes.p99 <= 50),
        });
      }
      const [small, large] = sizes.stops.map((stop) => summarize(past[stop] ?? []).p50);
      const growth = (large ?? Number.NaN) / (small ?? Number.NaN);
      findings.push({ what: `page in the past, ${sizes.stops.map(plain).join(' → ')} versions`, wanted: '≤ 1.3 ×', measured: `${plain(growth)} ×`, beside: '', reached: growth <= 1.3, note: `${plain(sizes.keys)} keys, ${plain(sizes.changed)} changed by each gather, one request at a time: whole walks from the first page to the last.` });
      const served = auctionData().items.slice(0, sizes.keys);
      gleaner.upstream.serve(copiesPath, { body: JSON.stringify(served) });
      const copies = await readCopies({ bench, upstream: gleaner.upstream, path: copiesPath, copies: bench.pick(24, 2), reads: bench.pick(200, 5), past: true });
      const ours = past[sizes.stops[0] ?? 0] ?? [];
      for (const peer of ['pymongo', 'mongoengine'] as const)
        findings.push({ what: `page of 1,000 in the past, beside ${peer}`, wanted: '', measured: `${plain(summarize(copies[peer]).p50 / summarize(ours).p50)} × faster`, beside: `${peer}, a page of one of 24 whole copies of 17,428 items, query and JSON in its own process, without HTTP: ${times(copies[peer])}` });
      return findings;
    }),
};

const change = (state: { price: number; stock: number }[], place: number, round: number): void => {
  const item = state[place];
  if (item) Object.assign(item, { price: item.price + round, stock: (item.stock + 1) % 90 });
};

/** Walks through whole states, page by page, at moments chosen by `at` (undefined: the latest); each page's ms. */
async function measurePages({ gatewayUrl, authorization }: BenchGleaner, pages: number, at: () => string | undefined): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ms: number[] = [];
  try {
    while (ms.length < pages) {
      const moment = at();
      for (let after: string | undefined = ''; after !== undefined && ms.length < pages; ) {
        const query = new URLSearchParams({ limit: '1000', ...(moment === undefined ? {} : { at: moment }), ...(after === '' ? {} : { after }) });
        if (after !== '') query.delete('at');
        const page = await readPage({ url: `${gatewayUrl()}/v1/jobs/${job}/items?${query}`, agent, headers: { authorization } });
        ms.push(page.ms);
        after = (JSON.parse(page.body().toString()) as ItemsAnswer).next;
      }
    }
    return ms;
  } finally {
    agent.destroy();
  }
}

async function observedAtOf({ database }: BenchGleaner, run: string): Promise<string> {
  const document = await database.collections.runs.findOne({ _id: run }, { projection: { observedAt: 1 } });
  if (!document?.observedAt) throw new Error(`run ${run} has no observedAt`);
  return document.observedAt.toISOString();
}
