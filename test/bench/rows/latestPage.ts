import { Agent } from 'node:http';
import { join } from 'node:path';
import { median, pairedRatios, plain, times, withSpread } from '../core/statistics.ts';
import { auctionData, gatherJob, keptOf } from '../parts/auctionData.ts';
import type { BenchRow } from '../parts/bench.ts';
import { loadPages, readPage } from '../parts/loadPages.ts';
import { besideReaders, readCopies, readers } from '../parts/readCopies.ts';
import { spawnPeer } from '../parts/spawnPeer.ts';
import { endChild, firstOutput } from '../parts/startLinePeer.ts';
import { withGleaner } from '../parts/withGleaner.ts';

const [path, limit, connections] = ['/auctions', 1_000, 4];

/** The latest 1,000 items over HTTP, four requests at once, beside the bare server on the same database. */
export const latestPage: BenchRow = {
  name: 'latest-page',
  title: 'latest 1,000 items at the gateway',
  run: (bench) =>
    withGleaner({ servers: bench.servers }, async ({ upstream, database, putJob, gather, gatewayUrl, authorization }) => {
      const { items, from } = auctionData();
      upstream.serve(path, { body: JSON.stringify(items) });
      await putJob('latest', gatherJob(`${upstream.url}${path}`));
      await gather('latest', path);
      const bare = database.db.collection('bare_items');
      const since = new Date().toISOString();
      await bare.insertMany(items.map((item) => ({ key: String(item.Id), data: keptOf(item), since })));
      await bare.createIndex({ key: 1 });
      const mongoUrl = new URL(bench.servers.mongo);
      mongoUrl.pathname = `/${database.db.databaseName}`;
      const server = spawnPeer(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../peers/bareServer.ts')], { env: { ...process.env, BENCH_MONGO_URL: mongoUrl.href }, stdio: ['pipe', 'pipe', 'pipe'] });
      try {
        const bareUrl = (await firstOutput(server)).trim();
        const durationMs = bench.pick(4_000, 500);
        const gleaner = (): ReturnType<typeof loadPages> => loadPages({ url: `${gatewayUrl()}/v1/jobs/latest/items?limit=${limit}`, connections, durationMs, headers: { authorization } });
        const other = (): ReturnType<typeof loadPages> => loadPages({ url: `${bareUrl}/?limit=${limit}`, connections, durationMs });
        const [ours, theirs, ms]: [number[], number[], number[]] = [[], [], []];
        await gleaner();
        await other();
        for (let round = 0; round < bench.pick(7, 1); round += 1) {
          // In turns, so that neither always comes after the other.
          const first = round % 2 === 0 ? await gleaner() : undefined;
          const barePage = await other();
          const page = first ?? (await gleaner());
          bench.log(`round ${round}: gateway ${page.perSecond.toFixed(0)} of ${page.bytes} bytes, bare ${barePage.perSecond.toFixed(0)} of ${barePage.bytes} bytes`);
          ours.push(page.perSecond);
          theirs.push(barePage.perSecond);
          ms.push(...page.ms);
        }
        const ratios = pairedRatios(ours, theirs);
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        const copies = await readCopies({
          bench, on: { upstream, database }, lists: [items, items, items], reads: bench.pick(200, 5),
          gleaner: async () => (await readPage({ url: `${gatewayUrl()}/v1/jobs/latest/items?limit=${limit}`, agent, headers: { authorization } })).ms,
        }).finally(() => agent.destroy());
        const beside = readers.map(({ who, name }) => (
          { what: `latest 1,000 items, one request at a time, beside ${name}`, wanted: '', measured: `${plain(median(copies[who]) / median(copies.gleaner))} × faster; ${times(copies.gleaner)}`, beside: `${name}, the newest of three whole copies: ${times(copies[who])}`, note: besideReaders }));
        return [{ what: 'latest 1,000 items, four requests at once', wanted: '≥ 1.5 ×', measured: `${withSpread(ratios, '×')}; ${withSpread(ours, 'requests/s')}; ${times(ms)}`, beside: `bare http, find().toArray(), JSON.stringify: ${withSpread(theirs, 'requests/s')}`, reached: median(ratios) >= 1.5, note: `${from}; with a key checked at each request; without compression on either side.` }, ...beside];
      } finally {
        await endChild(server);
      }
    }),
};
