import { auctionItems, print, withStorageBench } from './withStorageBench.ts';

// node day.ts [snapshots]: a day of hourly gathers of 17,428 items, 1 % of them changed each time: time in storage, and bytes on disk beside whole copies.
const snapshots = Number(process.argv[2] ?? 24);

await withStorageBench(async (bench) => {
  const { database } = bench;
  const job = await bench.job('day');
  const began = Date.now() - snapshots * 3_600_000;
  let ms = 0;
  for (let hour = 0; hour < snapshots; hour += 1) ms += (await bench.store(job, auctionItems({ round: hour, share: hour === 0 ? 0 : 0.01 }), { observedAt: new Date(began + hour * 3_600_000) })).ms;
  const copies = await database.db.createCollection<{ _id: string }>('copies');
  let copiesMs = 0;
  for (let hour = 0; hour < snapshots; hour += 1) {
    const documents = auctionItems({ round: hour, share: hour === 0 ? 0 : 0.01 }).map(({ k, d }) => ({ _id: `${hour}.${k}`, ...d }));
    const start = performance.now();
    await copies.insertMany(documents);
    copiesMs += performance.now() - start;
  }
  await database.db.admin().command({ fsync: 1 });
  const bytes = async (name: string): Promise<number> => {
    const stats = await database.db.command({ collStats: name });
    return (stats['storageSize'] as number) + (stats['totalIndexSize'] as number);
  };
  const history = Object.fromEntries(await Promise.all(['items', 'versions', 'keyframes', 'epochs', 'snapshots', 'generations'].map(async (name) => [name, await bytes(name)] as const)));
  const total = Object.values(history).reduce((sum, size) => sum + size, 0);
  const whole = await bytes('copies');
  const versions = await bench.history.versions.countDocuments();
  print({ row: 'a day of gathers', snapshots, ms: Math.round(ms), wholeCopiesMs: Math.round(copiesMs), timesFaster: Math.round((copiesMs / ms) * 10) / 10 });
  print({ row: 'bytes on disk after a day', history, total, wholeCopies: whole, timesSmaller: Math.round((whole / total) * 10) / 10, versions, bytesEachVersion: Math.round(((history['versions'] ?? 0) + (history['keyframes'] ?? 0)) / Math.max(1, versions)) });
});
