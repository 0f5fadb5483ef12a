import type { BatchItem } from '@gleaner/contracts';
import { print, withStorageBench } from './withStorageBench.ts';

// node limits.ts [items …]: how large a snapshot, and how large a single transaction, storage applies; wall time and this process's memory.
const sizes = process.argv.slice(2).map(Number);

const items = (count: number, value: number): BatchItem[] => Array.from({ length: count }, (_, index) => ({ k: `item-${String(index).padStart(7, '0')}`, h: `${index}.${value}`, d: { id: index, name: `Item number ${index}`, price: index * 7 + value, stock: index % 100, seller: `seller ${index % 500}` } }));

for (const count of sizes.length > 0 ? sizes : [50_000, 100_000, 250_000]) {
  await withStorageBench(async (bench) => {
    const limits = bench.parts.limits as { writes: number };
    limits.writes = Number.POSITIVE_INFINITY;
    const job = await bench.job('large');
    const now = Date.now();
    const note = (what: string, ms: number): void => print({ row: 'large snapshots', items: count, what, ms: Math.round(ms), itemsPerSecond: Math.round((count / ms) * 1_000), rssMB: Math.round(process.memoryUsage.rss() / 1e6) });
    const first = items(count, 0);
    note('first', (await bench.store(job, first, { observedAt: new Date(now - 60_000) })).ms);
    note('same again', (await bench.store(job, first, { observedAt: new Date(now - 50_000) })).ms);
    note('one per cent changed', (await bench.store(job, first.map((item, index) => (index % 100 === 0 ? { ...item, h: `${item.h}x` } : item)), { observedAt: new Date(now - 40_000) })).ms);
    note('all changed', (await bench.store(job, items(count, 1), { observedAt: new Date(now - 30_000) })).ms);
    try {
      // It lands between others: each key takes a log entry at its place and one that restores what came after, all in the transaction.
      note(`late, all different: ${2 * count} writes in the transaction`, (await bench.store(job, items(count, 2), { observedAt: new Date(now - 55_000) })).ms);
    } catch (error) {
      print({ row: 'large snapshots', items: count, what: 'late, all different', error: String(error).slice(0, 300) });
    }
  });
}
