import { setTimeout as sleep } from 'node:timers/promises';
import { median, withSpread } from '../core/statistics.ts';
import { auctionData, gatherJob } from '../parts/auctionData.ts';
import type { Bench, BenchRow } from '../parts/bench.ts';
import { startUpstream } from '../parts/startUpstream.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import { withPythonPeers } from '../parts/withPythonPeers.ts';

const delayMs = 200;
/** Runs at once in each collector: as by default, which two cores that hold everything cannot serve for four collectors; and so few that only the collectors count. */
const [many, few] = [8, 2] as const;
const answer = () => ({ body: JSON.stringify(auctionData().items.slice(0, 1)), delayMs });

/** Runs per second of one collector and of four, all due at one moment, on an upstream that takes 200 ms for each answer; beside them one worker of Celery and four. */
export const collectors: BenchRow = {
  name: 'collectors',
  title: '4 collectors beside one',
  run: async (bench) => {
    const gleaner = { [many]: new Map<number, number[]>(), [few]: new Map<number, number[]>() };
    const celery = new Map<number, number[]>();
    for (let round = 0; round < bench.pick(3, 1); round += 1) {
      for (const count of [1, 4]) {
        for (const atOnce of [many, few]) {
          const rate = await gleanerRate(bench, { count, atOnce });
          bench.log(`round ${round}: ${count} collectors, ${atOnce} at once in each, ${rate.toFixed(1)} runs/s`);
          gleaner[atOnce].set(count, [...(gleaner[atOnce].get(count) ?? []), rate]);
        }
        celery.set(count, [...(celery.get(count) ?? []), await celeryRate(bench, { workers: count, atOnce: many })]);
      }
    }
    const timesOne = (rates: ReadonlyMap<number, readonly number[]>): number[] => (rates.get(4) ?? []).map((rate, place) => rate / (rates.get(1)?.[place] ?? Number.NaN));
    const rates = (of: ReadonlyMap<number, readonly number[]>, unit: string): string => `four ${withSpread(of.get(4) ?? [], unit)}, one ${withSpread(of.get(1) ?? [], unit)}`;
    const [ratios, fewRatios] = [timesOne(gleaner[many]), timesOne(gleaner[few])];
    const what = '4 collectors on upstreams that answer in 200 ms, beside one';
    return [
      { what: `${what}, ${few} runs at once in each`, wanted: '≥ 3.8 ×', measured: withSpread(fewRatios, '×'), beside: rates(gleaner[few], 'runs/s'), reached: median(fewRatios) >= 3.8, note: 'From the first run begun to the last one ended, with one scheduler and one storage beside them; each run is the first of its job.' },
      { what: `${what}, ${many} runs at once in each`, wanted: '≥ 3.8 ×', measured: withSpread(ratios, '×'), beside: `${rates(gleaner[many], 'runs/s')}; Celery + requests + pymongo: ${withSpread(timesOne(celery), '×')}, ${rates(celery, 'tasks/s')}`, reached: median(ratios) >= 3.8, note: 'The same; both cores of this machine are busy with four collectors then, with everything on it, so this is what all services together can do. Celery: eight threads in each worker, each task fetches and inserts one item; from the first one asked for to the last result.' },
    ];
  },
};

async function gleanerRate(bench: Bench, { count, atOnce }: { readonly count: number; readonly atOnce: number }): Promise<number> {
  return await withGleaner({ servers: bench.servers, services: ['scheduler', 'storage', 'gateway'] }, async ({ database, upstream, putJob, start }) => {
    await Promise.all(Array.from({ length: count }, () => start('collector', { COLLECTOR_CONCURRENCY: String(atOnce) })));
    const jobs = bench.pick(20, 2) * atOnce * count;
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
}

/** Tasks per second of so many workers of Celery on the same upstream. */
async function celeryRate(bench: Bench, { workers, atOnce }: { readonly workers: number; readonly atOnce: number }): Promise<number> {
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
