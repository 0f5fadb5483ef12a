import type { Database } from '@gleaner/database';
import { changeItems } from '../core/changeItems.ts';
import { median, pairedRatios, plain, withSpread } from '../core/statistics.ts';
import { auctionData, gatherJob } from '../parts/auctionData.ts';
import type { BenchRow } from '../parts/bench.ts';
import { rawInsert } from '../parts/rawInsert.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import { withPythonPeers } from '../parts/withPythonPeers.ts';

const path = '/auctions';
const everyone = ['gleaner', 'raw', 'celery', 'pymongo', 'mongoengine'] as const;

/** 24 gathers, the first whole and each later one with 1 % changed: the time of them all, and what lies on disk afterwards. */
export const day: BenchRow = {
  name: 'day',
  title: 'a day of hourly gathers at 1 % each',
  run: async (bench) => {
    const { items, from } = auctionData();
    const gathers = bench.pick(24, 3);
    // Each from the one before: what moved stays where it went, so that 1 % differs and not another 1 % that went back.
    let state: typeof items = items;
    const hours = Array.from({ length: gathers }, (_, hour) => {
      if (hour > 0) state = changeItems(state, { round: hour, stride: 100 });
      return { items: state, body: JSON.stringify(state) };
    });
    const days: Record<(typeof everyone)[number], number[]> = { gleaner: [], raw: [], celery: [], pymongo: [], mongoengine: [] };
    const [ourBytes, theirBytes]: [number[], number[]] = [[], []];
    let versions = 0;
    for (let round = 0; round < bench.pick(3, 1); round += 1) {
      await withGleaner({ servers: bench.servers }, async ({ database, upstream, putJob, gather }) => {
        await withPythonPeers({ bench, upstream }, async (peers) => {
          const before = await bytesOnDisk(database);
          await putJob('day', gatherJob(`${upstream.url}${path}`));
          const hourOf = {
            gleaner: async () => (await gather('day', path)).askedMs,
            // Beside the peers' collections, so that nothing but Gleaner's is in its database.
            raw: async (hour: number) => await rawInsert({ database: peers.database, items: hours[hour]?.items ?? [], round: hour }),
            celery: async () => (await peers.celeryGather({ path, collection: 'copies' })).askedMs,
            pymongo: async () => await peers.gather({ how: 'pymongo', path, collection: 'plain_copies' }),
            mongoengine: async () => await peers.gather({ how: 'mongoengine', path, collection: '' }),
          } as const;
          // A whole day of each by itself: whole copies written in between would be what the others' gathers measure. Who begins changes with the rounds.
          for (const who of everyone.map((_, place) => everyone[(place + round) % everyone.length] ?? 'gleaner')) {
            let ms = 0;
            for (const [hour, { body }] of hours.entries()) {
              upstream.serve(path, { body });
              ms += await hourOf[who](hour);
            }
            days[who].push(ms);
          }
          ourBytes.push((await bytesOnDisk(database)) - before);
          theirBytes.push(await bytesOfCopies(peers.database));
          versions = await versionsOf(database);
          bench.log(`round ${round}: ${everyone.map((who) => `${who} ${days[who].at(-1)?.toFixed(0)} ms`).join(', ')}; ${ourBytes.at(-1)} bytes beside ${theirBytes.at(-1)} of whole copies`);
        });
      });
    }
    const [faster, smaller] = [pairedRatios(days.celery, days.gleaner), pairedRatios(theirBytes, ourBytes)];
    const mebibytes = (values: readonly number[]): number[] => values.map((value) => value / 1_024 ** 2);
    const what = `a day of ${gathers} gathers at 1 % each`;
    return [
      { what: `${what}, time`, wanted: '≥ 3 × faster', measured: `${withSpread(faster, '×')}; ${withSpread(days.gleaner, 'ms')}`, beside: `Celery + requests + pymongo, whole copies: ${withSpread(days.celery, 'ms')}`, reached: median(faster) >= 3, note: `From asking for each gather to its end, one after another; ${from}.` },
      { what: `${what}, beside raw insertMany of whole copies`, wanted: '', measured: withSpread(pairedRatios(days.raw, days.gleaner), '×'), beside: `insertMany of documents that are there already, ${gathers} times: ${withSpread(days.raw, 'ms')}` },
      ...([['requests + pymongo', days.pymongo], ['requests + mongoengine', days.mongoengine]] as const).map(([peer, ms]) => (
        { what: `${what}, beside ${peer}`, wanted: '', measured: withSpread(pairedRatios(ms, days.gleaner), '×'), beside: `${peer}, whole copies, one process, no queue: ${withSpread(ms, 'ms')}` })),
      { what: `${what}, bytes on disk`, wanted: '≥ 10 × smaller', measured: `${withSpread(smaller, '×')}; ${withSpread(mebibytes(ourBytes), 'MiB')}`, beside: `whole copies: ${withSpread(mebibytes(theirBytes), 'MiB')}`, reached: median(smaller) >= 10, note: `All collections with their indexes after a checkpoint (runs, jobs and letters included): ${plain(median(ourBytes) / versions)} bytes for each of ${plain(versions)} versions (the first items and what changed since); whole copies, ${plain(median(theirBytes) / versions)} bytes for each of them.` },
    ];
  },
};

/** How often an item came, changed or went. */
async function versionsOf({ db }: Database): Promise<number> {
  const [sum] = await db.collection('snapshots').aggregate<{ versions: number }>([{ $group: { _id: null, versions: { $sum: { $add: ['$counts.added', '$counts.changed', '$counts.removed'] } } } }]).toArray();
  return sum?.versions ?? Number.NaN;
}

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
