import type { BatchItem } from '@gleaner/contracts';
import { processMemory } from '../parts/processMemory.ts';
import { startServers } from '../parts/startServers.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import { print, withStorageBench, type StorageBench } from './withStorageBench.ts';

// node limits.ts [items]: how large a snapshot the whole pipeline takes (time, and each process's memory at its peak), then how large a single transaction
// storage's handlers manage: late snapshots in which everything differs, with the limit of the service lifted. Prints a JSON row for each.
const items = Number(process.argv[2] ?? 250_000);

interface Plain { readonly id: number; readonly name: string; readonly price: number; readonly stock: number; readonly seller: string }
const plain = (count: number, value: (index: number) => number): Plain[] =>
  Array.from({ length: count }, (_, index) => ({ id: index, name: `Item number ${index}`, price: index * 7 + value(index), stock: index % 100, seller: `seller ${index % 500}` }));

/** Through collector, broker, storage and gateway as processes. */
async function measurePipeline(): Promise<void> {
  const servers = await startServers(() => undefined);
  try {
    await withGleaner({ servers }, async ({ upstream, putJob, gather, services, database }) => {
      const mongod = Number((await database.client.db('admin').command({ serverStatus: 1 }))['pid']);
      await putJob('large', { source: { http: { url: `${upstream.url}/large` } }, format: 'json', items: '$', key: 'id', maxDuration: '10m' });
      const peakOf = (name: string): number => Math.round(processMemory(services.find((one) => one.name === name)?.pid ?? 0).peak);
      for (const [what, value] of [['first', () => 0], ['one per cent changed', (index: number) => (index % 100 === 0 ? 1 : 0)], ['all changed', () => 2]] as const) {
        const body = JSON.stringify(plain(items, value));
        upstream.serve('/large', { body });
        const { gatherMs } = await gather('large', '/large');
        print({ row: 'a large snapshot, whole pipeline', items, what, ms: Math.round(gatherMs), itemsPerSecond: Math.round((items / gatherMs) * 1_000), bodyMB: Math.round(body.length / 1e6), peakMiB: { collector: peakOf('collector'), storage: peakOf('storage'), mongod: Math.round(processMemory(mongod).peak) } });
      }
    });
  } finally {
    await servers.stop();
  }
}

const batchItems = (count: number, value: number): BatchItem[] => plain(count, () => value).map((d) => ({ k: `item-${String(d.id).padStart(7, '0')}`, h: `${d.id}.${value}`, d: { ...d } }));

/** What the transactions since `from` take of the server's log: a transaction is written there whole. */
async function loggedSince({ database }: StorageBench, from: unknown): Promise<{ readonly entries: number; readonly megabytes: number }> {
  const [found] = await database.client.db('local').collection('oplog.rs').aggregate<{ entries: number; bytes: number }>([{ $match: { ts: { $gt: from }, 'o.applyOps': { $exists: true } } }, { $group: { _id: null, entries: { $sum: 1 }, bytes: { $sum: { $bsonSize: '$$ROOT' } } } }]).toArray();
  return { entries: found?.entries ?? 0, megabytes: Math.round((found?.bytes ?? 0) / 1e5) / 10 };
}

/** A late snapshot lands between two others, and each key takes an entry at its place and one that restores what came after, all in one transaction. */
async function measureTransaction(count: number): Promise<void> {
  await withStorageBench(async (bench) => {
    (bench.parts.limits as { writes: number }).writes = Number.POSITIVE_INFINITY;
    const job = await bench.job('late');
    const now = Date.now();
    await bench.store(job, batchItems(count, 0), { observedAt: new Date(now - 60_000) });
    await bench.store(job, batchItems(count, 0), { observedAt: new Date(now - 40_000) });
    const late = batchItems(count, 2);
    const before: unknown = (await bench.database.db.admin().command({ hello: 1 }))['operationTime'];
    const row = { row: 'a late snapshot, all different', items: count, writes: 2 * count };
    try {
      const { ms } = await bench.store(job, late, { observedAt: new Date(now - 50_000) });
      print({ ...row, ms: Math.round(ms), transaction: await loggedSince(bench, before), rssMB: Math.round(process.memoryUsage.rss() / 1e6) });
    } catch (error) {
      print({ ...row, error: String(error).slice(0, 300) });
    }
  });
}

await measurePipeline();
for (const count of [25_000, 50_000, 100_000]) await measureTransaction(count);
