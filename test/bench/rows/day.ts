import type { Database } from '@gleaner/database';
import { changeItems } from '../core/changeItems.ts';
import { median, pairedRatios, plain, withSpread } from '../core/statistics.ts';
import { auctionData, gatherJob } from '../parts/auctionData.ts';
import type { BenchRow } from '../parts/bench.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import { withPythonPeers } from '../parts/withPythonPeers.ts';

const path = '/auctions';

/** 24 gathers, the first whole and each later one with 1 % changed: the time of them all, and what lies on disk afterwards. */
export const day: BenchRow = {
  name: 'day',
  title: 'a day of hourly gathers at 1 % each',
  run: async (bench) => {
    const { items, from } = auctionData();
    const gathers = bench.pick(24, 3);
    // Each from the one before: what moved stays where it went, so that 1 % differs and not another 1 % that went back.
    let state: typeof items = items;
    const bodies = Array.from({ length: gathers }, (_, round) => JSON.stringify(round === 0 ? state : (state = changeItems(state, { round, stride: 100 }))));
    const [ours, theirs, plainly, engine, ourBytes, theirBytes]: [number[], number[], number[], number[], number[], number[]] = [[], [], [], [], [], []];
    let versions = 0;
    for (let round = 0; round < bench.pick(3, 1); round += 1) {
      await withGleaner({ servers: bench.servers }, async ({ database, upstream, putJob, gather }) => {
        await withPythonPeers({ bench, upstream }, async (peers) => {
          const before = await bytesOnDisk(database);
          await putJob('day', gatherJob(`${upstream.url}${path}`));
          let [ms, peerMs, plainMs, engineMs] = [0, 0, 0, 0];
          for (const body of bodies) {
            upstream.serve(path, { body });
            ms += (await gather('day', path)).askedMs;
            peerMs += (await peers.celeryGather({ path, collection: 'copies' })).askedMs;
            plainMs += await peers.gather({ how: 'pymongo', path, collection: 'plain_copies' });
            engineMs += await peers.gather({ how: 'mongoengine', path, collection: '' });
          }
          const [bytes, peerBytes] = [(await bytesOnDisk(database)) - before, await bytesOfCopies(peers.database)];
          versions = await database.db.collection('versions').countDocuments();
          bench.log(`round ${round}: Gleaner ${ms.toFixed(0)} ms, ${bytes} bytes; Celery + pymongo ${peerMs.toFixed(0)} ms, ${peerBytes} bytes; pymongo ${plainMs.toFixed(0)} ms, mongoengine ${engineMs.toFixed(0)} ms`);
          ours.push(ms);
          theirs.push(peerMs);
          plainly.push(plainMs);
          engine.push(engineMs);
          ourBytes.push(bytes);
          theirBytes.push(peerBytes);
        });
      });
    }
    const [faster, smaller] = [pairedRatios(theirs, ours), pairedRatios(theirBytes, ourBytes)];
    const mebibytes = (values: readonly number[]): number[] => values.map((value) => value / 1_024 ** 2);
    const perChange = median(ourBytes) / versions;
    return [
      { what: `a day of ${gathers} gathers at 1 % each, time`, wanted: '≥ 3 × faster', measured: `${withSpread(faster, '×')}; ${withSpread(ours, 'ms')}`, beside: `Celery + requests + pymongo, whole copies: ${withSpread(theirs, 'ms')}`, reached: median(faster) >= 3, note: `From asking for each gather to its end, one after another; ${from}.` },
      ...([['requests + pymongo', plainly], ['requests + mongoengine', engine]] as const).map(([peer, ms]) => (
        { what: `a day of ${gathers} gathers at 1 % each, beside ${peer}`, wanted: '', measured: withSpread(pairedRatios(ms, ours), '×'), beside: `${peer}, whole copies, one process, no queue: ${withSpread(ms, 'ms')}` })),
      { what: `a day of ${gathers} gathers at 1 % each, bytes on disk`, wanted: '≥ 10 × smaller', measured: `${withSpread(smaller, '×')}; ${withSpread(mebibytes(ourBytes), 'MiB')}`, beside: `whole copies: ${withSpread(mebibytes(theirBytes), 'MiB')}`, reached: median(smaller) >= 10, note: `All collections with their indexes after a checkpoint (runs, jobs and letters included): ${plain(perChange)} bytes for each of ${plain(versions)} entries in the log of changes, current state and keyframe included; a whole copy takes ${plain(median(theirBytes) / gathers / items.length)} bytes an item.` },
    ];
  },
};

/** What a database's files hold after a checkpoint, indexes included. */
async function bytesOnDisk({ client, db }: Database): Promise<number> {
  await client.db('admin').command({ fsync: 1 });
  const { storageSize, indexSize } = (await db.command({ dbStats: 1 })) as { storageSize: number; indexSize: number };
  return storageSize + indexSize;
}

/** What the files of Celery's copies hold after a checkpoint, indexes included. */
async function bytesOfCopies({ client, db }: Database): Promise<number> {
  await client.db('admin').command({ fsync: 1 });
  const { storageSize, totalIndexSize } = (await db.command({ collStats: 'copies' })) as { storageSize: number; totalIndexSize: number };
  return storageSize + totalIndexSize;
}
