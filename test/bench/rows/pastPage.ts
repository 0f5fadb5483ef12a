import { Agent } from 'node:http';
import type { ItemsAnswer } from '@gleaner/contracts';
import type { PricedItem } from '../core/changeItems.ts';
import type { Finding } from '../core/finding.ts';
import { median, plain, summarize, times } from '../core/statistics.ts';
import { auctionData, gatherJob, keptFields } from '../parts/auctionData.ts';
import type { BenchRow } from '../parts/bench.ts';
import { readPage } from '../parts/loadPages.ts';
import { besideReaders, readCopies, readers } from '../parts/readCopies.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import type { BenchGleaner } from '../parts/withGleaner.ts';

const [path, job] = ['/history', 'history'];
const turns = 5;

interface Sizes {
  /** The first so many auction items. */
  readonly keys: number;
  /** Keys that each gather changes. */
  readonly changed: number;
  /** Versions at which pages are measured. */
  readonly stops: readonly number[];
  readonly pages: number;
  /** Moments of which the peers have a whole copy. */
  readonly copies: number;
}

/** Pages of 1,000 items at random moments of the past, beside pages of the latest state, while the history grows through the whole pipeline. */
export const pastPage: BenchRow = {
  name: 'past-page',
  title: 'a page of 1,000 items in the past',
  run: (bench) =>
    withGleaner({ servers: bench.servers }, async (gleaner) => {
      const sizes: Sizes = bench.pick({ keys: 20_000, changed: 1_000, stops: [100_000, 1_000_000], pages: 300, copies: 24 }, { keys: 3_000, changed: 300, stops: [5_000, 8_000], pages: 20, copies: 2 });
      const { items, from } = auctionData();
      // Only what the job keeps: what upstream says beside it would take most of the time that the history takes to grow.
      const state = items.slice(0, sizes.keys).map((item) => Object.fromEntries(Object.values(keptFields).map((name) => [name, item[name]])) as unknown as PricedItem);
      await gleaner.putJob(job, { ...gatherJob(`${gleaner.upstream.url}${path}`), maxDuration: '5m' });
      const moments: string[] = [];
      const copied: { readonly at: string; readonly list: readonly PricedItem[] }[] = [];
      const copyEvery = Math.floor(((sizes.stops.at(-1) ?? 0) - state.length) / sizes.changed / sizes.copies);
      let [versions, round] = [0, 0];
      const findings: Finding[] = [];
      const past: Record<number, readonly number[]> = {};
      for (const stop of sizes.stops) {
        for (; versions < stop; round += 1) {
          if (round > 0) for (let place = 0; place < sizes.changed; place += 1) change(state, (round * sizes.changed * 7 + place * 7) % state.length, round);
          gleaner.upstream.serve(path, { body: JSON.stringify(state) });
          const { run } = await gleaner.gather(job, path);
          versions += round === 0 ? state.length : sizes.changed;
          const at = await observedAtOf(gleaner, run);
          moments.push(at);
          if (round % copyEvery === 0 && copied.length < sizes.copies) copied.push({ at, list: [...state] });
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
      findings.push({ what: `page in the past, ${sizes.stops.map(plain).join(' → ')} versions`, wanted: '≤ 1.3 ×', measured: `${plain(growth)} ×`, beside: '', reached: growth <= 1.3, note: `${plain(state.length)} keys of the ${from}, ${plain(sizes.changed)} changed by each gather, one request at a time: whole walks from the first page to the last.` });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const reads = await readCopies({
        bench, on: gleaner, lists: copied.map(({ list }) => list), reads: bench.pick(200, 5), past: true,
        gleaner: async (list) => (await readPage({ url: pageUrl(gleaner, { at: copied[list ?? 0]?.at ?? '' }), agent, headers: { authorization: gleaner.authorization } })).ms,
      }).finally(() => agent.destroy());
      for (const { who, name } of readers)
        findings.push({ what: `page of 1,000 in the past at ${plain(versions)} versions, beside ${name}`, wanted: '', measured: `${plain(median(reads[who]) / median(reads.gleaner))} × faster; ${times(reads.gleaner)}`, beside: `${name}, one of ${copied.length} whole copies: ${times(reads[who])}`, note: `${besideReaders} The first page at one of the moments that there are copies of.` });
      return findings;
    }),
};

/** An item is made anew where it changes: the copies hold those of before. */
const change = (state: PricedItem[], place: number, round: number): void => {
  const item = state[place];
  if (item) state[place] = { ...item, MarketValue: item.MarketValue + round, MinBuyout: item.MinBuyout + 1 };
};

const pageUrl = ({ gatewayUrl }: BenchGleaner, query: Readonly<Record<string, string>>): string => `${gatewayUrl()}/v1/jobs/${job}/items?${new URLSearchParams({ limit: '1000', ...query })}`;

/** Walks through whole states, page by page, at moments chosen by `at` (undefined: the latest); each page's ms. */
async function measurePages(gleaner: BenchGleaner, pages: number, at: () => string | undefined): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ms: number[] = [];
  try {
    while (ms.length < pages) {
      const moment = at();
      for (let after: string | undefined = ''; after !== undefined && ms.length < pages; ) {
        const query: Record<string, string> = after === '' ? (moment === undefined ? {} : { at: moment }) : { after };
        const page = await readPage({ url: pageUrl(gleaner, query), agent, headers: { authorization: gleaner.authorization } });
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
