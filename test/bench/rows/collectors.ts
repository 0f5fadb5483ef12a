import { setTimeout as sleep } from 'node:timers/promises';
import { median, withSpread } from '../core/statistics.ts';
import { auctionData, gatherJob } from '../parts/auctionData.ts';
import type { Bench, BenchRow } from '../parts/bench.ts';
import { startUpstream } from '../parts/startUpstream.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import { withPythonPeers } from '../parts/withPythonPeers.ts';

const delayMs = 200;
const atOnce = 8;
const answer = () => ({ body: JSON.stringify(auctionData().items.slice(0, 1)), delayMs });

/** Runs per second of one collector and of four, all due at one moment, on an upstream that takes 200 ms for each answer; beside them one worker of Celery and four. */
export const collectors: BenchRow = {
  name: 'collectors',
  title: '4 collectors beside one',
  run: async (bench) => {
    const perSecond: Record<number, number[]> = { 1: [], 4: [] };
    const celery: Record<number, number[]> = { 1: [], 4: [] };
    for (let round = 0; round < bench.pick(3, 1); round += 1) {
      for (const count of [1, 4]) {
        const rate = await withGleaner({ servers: bench.servers, services: ['scheduler', 'storage', 'gateway'] }, async ({ database, upstream, putJob, start }) => {
          await Promise.all(Array.from({ length: count }, () => start('collector')));
          const jobs = bench.pick(160, 16) * count;
          upstream.serve('/slow', answer());
          const due = database.clock.now().getTime() + 10_000 + jobs * 15;
          for (let job = 0; job < jobs; job += 1) await putJob(`slow-${job}`, { schedule: { at: new Date(due).toISOString() }, ...gatherJob(`${upstream.url}/slow`) });
          await sleep(due - database.clock.now().getTime());
          const deadline = performance.now() + 120_000;
          while ((await database.collections.runs.countDocuments({ endedAt: { $exists: true } })) < jobs) {
            if (performance.now() > deadline) throw new Error(`expected ${jobs} ended runs within 120 s; ${await database.collections.runs.countDocuments({ endedAt: { $exists: true } })} ended`);
            await sleep(100);
          }
          const [ends] = await database.collections.runs.aggregate<{ first: Date; last: Date; succeeded: number }>([{ $group: { _id: null, first: { $min: '$startedAt' }, last: { $max: '$endedAt' }, succeeded: { $sum: { $cond: [{ $eq: ['$state', 'succeeded'] }, 1, 0] } } } }]).toArray();
          if (!ends || ends.succeeded !== jobs) throw new Error(`expected ${jobs} succeeded runs; saw ${ends?.succeeded}`);
          return jobs / ((ends.last.getTime() - ends.first.getTime()) / 1_000);
        });
        bench.log(`round ${round}: ${count} collectors, ${rate.toFixed(1)} runs/s`);
        perSecond[count]?.push(rate);
        celery[count]?.push(await celeryRate(bench, count));
      }
    }
    const timesOne = (rates: Record<number, number[]>): number[] => (rates[4] ?? []).map((rate, place) => rate / (rates[1]?.[place] ?? Number.NaN));
    const [one, four, ratios] = [perSecond[1] ?? [], perSecond[4] ?? [], timesOne(perSecond)];
    return [{ what: '4 collectors on upstreams that answer in 200 ms, beside one', wanted: '≥ 3.8 ×', measured: `${withSpread(ratios, '×')}; ${withSpread(four, 'runs/s')}`, beside: `one collector: ${withSpread(one, 'runs/s')}; Celery + requests + pymongo: ${withSpread(timesOne(celery), '×')}, 4 workers ${withSpread(celery[4] ?? [], 'tasks/s')}, one ${withSpread(celery[1] ?? [], 'tasks/s')}`, reached: median(ratios) >= 3.8, note: 'Eight runs at once in each collector; from the first run begun to the last one ended, with one scheduler and one storage beside them. Celery: eight threads in each worker, each task fetches and inserts one item; from the first one asked for to the last result.' }];
  },
};

/** Tasks per second of so many workers of Celery on the same upstream. */
async function celeryRate(bench: Bench, workers: number): Promise<number> {
  const upstream = await startUpstream();
  try {
    upstream.serve('/slow', answer());
    return await withPythonPeers({ bench, upstream, workers, atOnce }, async (peers) => {
      const burst = bench.pick(160, 16) * workers;
      await peers.celeryBurst({ path: '/slow', collection: 'copies', burst: workers * atOnce }); // each thread has its connections
      return burst / ((await peers.celeryBurst({ path: '/slow', collection: 'copies', burst })) / 1_000);
    });
  } finally {
    await upstream.close();
  }
}
