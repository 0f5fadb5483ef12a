import { setTimeout as sleep } from 'node:timers/promises';
import { median, withSpread } from '../core/statistics.ts';
import type { BenchRow } from '../parts/bench.ts';
import { withGleaner } from '../parts/withGleaner.ts';

const delayMs = 200;

/** Runs per second of one collector and of four, all due at one moment, on an upstream that takes 200 ms for each answer. */
export const collectors: BenchRow = {
  name: 'collectors',
  title: '4 collectors beside one',
  run: async (bench) => {
    const perSecond: Record<number, number[]> = { 1: [], 4: [] };
    for (let round = 0; round < bench.pick(3, 1); round += 1) {
      for (const count of [1, 4]) {
        const rate = await withGleaner({ servers: bench.servers, services: ['scheduler', 'storage', 'gateway'] }, async ({ database, upstream, putJob, start }) => {
          await Promise.all(Array.from({ length: count }, () => start('collector')));
          const jobs = bench.pick(160, 16) * count;
          upstream.serve('/slow', { body: '[{"id": 1}]', delayMs });
          const due = database.clock.now().getTime() + 10_000 + jobs * 15;
          for (let job = 0; job < jobs; job += 1) await putJob(`slow-${job}`, { schedule: { at: new Date(due).toISOString() }, source: { http: { url: `${upstream.url}/slow` } }, format: 'json', items: '$', key: 'id' });
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
      }
    }
    const [one, four] = [perSecond[1] ?? [], perSecond[4] ?? []];
    const ratios = four.map((rate, place) => rate / (one[place] ?? Number.NaN));
    return [{ what: '4 collectors on upstreams that answer in 200 ms, beside one', wanted: '≥ 3.8 ×', measured: `${withSpread(ratios, '×')}; ${withSpread(four, 'runs/s')}`, beside: `one collector: ${withSpread(one, 'runs/s')}`, reached: median(ratios) >= 3.8, note: 'Eight runs at once in each collector; from the first run begun to the last one ended, with one scheduler and one storage beside them.' }];
  },
};
