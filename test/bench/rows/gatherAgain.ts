import { changeItems } from '../core/changeItems.ts';
import type { Finding } from '../core/finding.ts';
import { median, pairedRatios, withSpread } from '../core/statistics.ts';
import { auctionData, gatherJob } from '../parts/auctionData.ts';
import type { Bench, BenchRow } from '../parts/bench.ts';
import { rawInsert } from '../parts/rawInsert.ts';
import { settle } from '../parts/settle.ts';
import type { Served, Upstream } from '../parts/startUpstream.ts';
import { withGleaner, type Gathered } from '../parts/withGleaner.ts';
import { withPythonPeers } from '../parts/withPythonPeers.ts';
import type { PythonPeers } from '../parts/withPythonPeers.ts';

const path = '/auctions';

interface Case {
  readonly what: string;
  readonly toRaw: number;
  /** Wanted of Celery + requests + pymongo, where a figure is set. */
  readonly toCelery?: number;
  /** What upstream answers in a round; round 0 is the first gather, which is not measured. */
  readonly answer: (round: number, body: (round: number, stride: number) => string) => Served;
  readonly state: 'succeeded' | 'unchanged';
}

/** Gathers a job again and again, beside raw inserts of all the items, and beside Python scripts that write a whole copy each time (Celery too where a figure is set). */
async function measure(bench: Bench, { what, toRaw, toCelery, answer, state }: Case): Promise<readonly Finding[]> {
  return await withGleaner({ servers: bench.servers }, async (gleaner) => {
    const { upstream } = gleaner;
    const { items, from } = auctionData();
    let prices = items; // each answer differs from the one before it by its own changes alone
    const body = (round: number, stride: number): string => JSON.stringify(round === 0 ? items : (prices = changeItems(prices, { round, stride })));
    const rounds = async (peers: PythonPeers): Promise<readonly Finding[]> => {
      const [raw, gather, asked, besidePeers, celery, plain, engine]: [number[], number[], number[], number[], number[], number[], number[]] = [[], [], [], [], [], [], []];
      upstream.serve(path, answer(0, body));
      await gleaner.putJob('again', gatherJob(`${upstream.url}${path}`));
      await gleaner.gather('again', path);
      const warmUps = bench.pick(3, 1);
      let round = 0;
      const calm = (): Promise<void> => settle(gleaner.database);
      const next = async (): Promise<Gathered> => {
        await calm();
        const gathered = await gleaner.gather('again', path);
        if (gathered.state !== state) throw new Error(`expected the run to end as ${state}; it ended as ${gathered.state}`);
        return gathered;
      };
      for (round = 1; round <= warmUps + bench.pick(15, 2); round += 1) {
        upstream.serve(path, answer(round, body));
        await calm();
        const rawMs = await rawInsert({ database: gleaner.database, items, round });
        const gathered = await next();
        bench.log(`round ${round}: raw ${rawMs.toFixed(0)}, Gleaner ${gathered.gatherMs.toFixed(1)} (asked ${gathered.askedMs.toFixed(1)}) ms`);
        if (round <= warmUps) continue;
        raw.push(rawMs);
        gather.push(gathered.gatherMs);
        asked.push(gathered.askedMs);
      }
      // Apart from the rounds above: fifty thousand documents written and dropped by peers would be what those measure.
      const measured = round + warmUps;
      for (const last = measured + bench.pick(7, 1); round < last; round += 1) {
        upstream.serve(path, answer(round, body));
        const { gatherMs } = await next();
        await calm();
        const celeryMs = toCelery === undefined ? undefined : (await peers.celeryGather({ path, collection: 'copies' })).gatherMs;
        await calm();
        const plainMs = await peers.gather({ how: 'pymongo', path, collection: 'copies' });
        await calm();
        const engineMs = await peers.gather({ how: 'mongoengine', path, collection: '' });
        bench.log(`Gleaner ${gatherMs.toFixed(1)}${celeryMs === undefined ? '' : `, Celery + pymongo ${celeryMs.toFixed(0)}`}, pymongo ${plainMs.toFixed(0)}, mongoengine ${engineMs.toFixed(0)} ms`);
        if (round < measured) continue;
        besidePeers.push(gatherMs);
        if (celeryMs !== undefined) celery.push(celeryMs);
        plain.push(plainMs);
        engine.push(engineMs);
      }
      const ratios = pairedRatios(raw, gather);
      const note = `From the request's arrival at the upstream to the commit, ${from}; asked over HTTP to commit: ${withSpread(asked, 'ms')}, ${withSpread(pairedRatios(raw, asked), '×')} raw.`;
      const findings: Finding[] = [{ what: `${what}, beside raw insertMany of all items`, wanted: `≥ ${toRaw} ×`, measured: `${withSpread(ratios, '×')}; ${withSpread(gather, 'ms')}`, beside: `insertMany ${withSpread(raw, 'ms')}`, reached: median(ratios) >= toRaw, note }];
      if (toCelery !== undefined) {
        const toPeer = pairedRatios(celery, besidePeers);
        findings.push({ what: `${what}, beside Celery + requests + pymongo`, wanted: `≥ ${toCelery} ×`, measured: withSpread(toPeer, '×'), beside: `Celery + requests + pymongo, a copy each time, ${withSpread(celery, 'ms')}`, reached: median(toPeer) >= toCelery });
      }
      for (const [peer, ms] of [['requests + pymongo', plain], ['requests + mongoengine', engine]] as const)
        findings.push({ what: `${what}, beside ${peer}`, wanted: '', measured: withSpread(pairedRatios(ms, besidePeers), '×'), beside: `${peer}, a copy each time, one process, no queue: ${withSpread(ms, 'ms')}` });
      return findings;
    };
    return await withPythonPeers({ bench, upstream: upstream satisfies Upstream }, rounds);
  });
}

export const onePercent: BenchRow = {
  name: 'one-percent',
  title: 'gather again, 1 % changed',
  run: (bench) => measure(bench, { what: 'gather again, 1 % changed', toRaw: 2, toCelery: 3, answer: (round, body) => ({ body: body(round, 100) }), state: 'succeeded' }),
};

export const allChanged: BenchRow = {
  name: 'all-changed',
  title: 'gather again, all changed',
  run: (bench) => measure(bench, { what: 'gather again, all changed', toRaw: 0.4, answer: (round, body) => ({ body: body(round, 1) }), state: 'succeeded' }),
};

export const unchanged: BenchRow = {
  name: 'unchanged',
  title: 'gather again, same bytes; 304',
  run: async (bench) => [
    ...(await measure(bench, { what: 'gather again, same bytes', toRaw: 8, answer: (_round, body) => ({ body: body(0, 1) }), state: 'unchanged' })),
    ...(await measure(bench, { what: 'gather again, 304', toRaw: 20, answer: (_round, body) => ({ body: body(0, 1), etag: '"one"' }), state: 'unchanged' })),
  ],
};
