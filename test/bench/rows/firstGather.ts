import { auctionData, gatherJob } from '../parts/auctionData.ts';
import type { BenchRow } from '../parts/bench.ts';
import { rawInsert } from '../parts/rawInsert.ts';
import { settle } from '../parts/settle.ts';
import { withGleaner, type Gathered } from '../parts/withGleaner.ts';
import { withPythonPeers } from '../parts/withPythonPeers.ts';
import { median, pairedRatios, withSpread } from '../core/statistics.ts';

const path = '/auctions';

/** A job's first answer: nothing is known yet, every item is new. */
export const firstGather: BenchRow = {
  name: 'first-gather',
  title: 'first gather of 17,428 auction items',
  run: (bench) =>
    withGleaner({ servers: bench.servers }, async (gleaner) => {
      const { upstream } = gleaner;
      const { items, from } = auctionData();
      upstream.serve(path, { body: JSON.stringify(items) });
      return await withPythonPeers({ bench, upstream }, async (peers) => {
        const [raw, gather, asked, besidePeers, plain, engine]: [number[], number[], number[], number[], number[], number[]] = [[], [], [], [], [], []];
        const warmUps = bench.pick(2, 1);
        const calm = (): Promise<void> => settle(gleaner.database);
        const first = async (job: string): Promise<Gathered> => {
          await gleaner.putJob(job, gatherJob(`${upstream.url}${path}`));
          await calm();
          return await gleaner.gather(job, path);
        };
        for (let round = 0; round < warmUps + bench.pick(9, 1); round += 1) {
          await calm();
          const rawMs = await rawInsert({ database: gleaner.database, items, round });
          const gathered = await first(`first-${round}`);
          bench.log(`round ${round}: raw ${rawMs.toFixed(0)}, Gleaner ${gathered.gatherMs.toFixed(0)} (asked ${gathered.askedMs.toFixed(0)}) ms`);
          if (round < warmUps) continue;
          raw.push(rawMs);
          gather.push(gathered.gatherMs);
          asked.push(gathered.askedMs);
        }
        // Apart from the rounds above: fifty thousand documents written and dropped by peers would be what those measure.
        for (let round = 0; round < warmUps + bench.pick(7, 1); round += 1) {
          const { gatherMs } = await first(`beside-${round}`);
          await calm();
          const plainMs = await peers.gather({ how: 'pymongo', path, collection: 'copies' });
          await calm();
          const engineMs = await peers.gather({ how: 'mongoengine', path, collection: '' });
          await peers.database.db.dropDatabase();
          bench.log(`Gleaner ${gatherMs.toFixed(0)}, pymongo ${plainMs.toFixed(0)}, mongoengine ${engineMs.toFixed(0)} ms`);
          if (round < warmUps) continue;
          besidePeers.push(gatherMs);
          plain.push(plainMs);
          engine.push(engineMs);
        }
        const [toRaw, toRawAsked, toEngine] = [pairedRatios(raw, gather), pairedRatios(raw, asked), pairedRatios(engine, besidePeers)];
        const note = `From the request's arrival at the upstream to the commit, ${from}, eight of nineteen fields kept; asked over HTTP to commit: ${withSpread(asked, 'ms')}, ${withSpread(toRawAsked, '×')} raw.`;
        return [
          { what: 'first gather, beside raw insertMany', wanted: '≥ 0.5 ×', measured: `${withSpread(toRaw, '×')}; ${withSpread(gather, 'ms')}`, beside: `insertMany ${withSpread(raw, 'ms')}`, reached: median(toRaw) >= 0.5, note },
          { what: 'first gather, beside requests + pymongo', wanted: '', measured: withSpread(pairedRatios(plain, besidePeers), '×'), beside: `requests + pymongo, one process, no queue, no history: ${withSpread(plain, 'ms')}` },
          { what: 'first gather, beside requests + mongoengine', wanted: '≥ 2 ×', measured: withSpread(toEngine, '×'), beside: `requests + mongoengine (bulk insert) ${withSpread(engine, 'ms')}`, reached: median(toEngine) >= 2 },
        ];
      });
    }),
};
