import { readHistory, type JobDocument } from '@gleaner/database';
import type { BatchItem } from '@gleaner/contracts';
import { readItemsPage } from '../../../services/gateway/src/readItemsPage.ts';
import { median, print, quantile, withStorageBench, type StorageBench } from './withStorageBench.ts';

// node reading.ts [versions …]: pages of 1,000 items, latest and in the past, over a history of so many versions of 20,000 keys; 4,000 changes a snapshot.
const sizes = process.argv.slice(2).map(Number);
const keys = 20_000;
const changesEach = 4_000;

const item = (index: number, value: number): BatchItem => ({ k: `item-${String(index).padStart(6, '0')}`, h: `${index}.${value}`, d: { id: index, name: `Item number ${index}`, price: value, stock: value % 100, seller: `seller ${index % 500}`, region: 'EU' } });

async function timePages(bench: StorageBench, job: JobDocument, what: string, versions: number, moment: () => { at?: Date }): Promise<number> {
  const pages: number[] = [];
  for (let round = 0; round < 120; round += 1) {
    const after = `item-${String(Math.floor(Math.random() * (keys - 1_100))).padStart(6, '0')}`;
    const began = performance.now();
    const page = await readItemsPage({ database: bench.database, dataset: job.dataset, limit: 1_000, after, ...moment() });
    if (page.rows.length !== 1_000) throw new Error(`expected 1,000 items; saw ${page.rows.length}`);
    if (round >= 20) pages.push(performance.now() - began);
  }
  print({ row: 'page of 1,000', what, versions, p50: Math.round(median(pages) * 10) / 10, p99: Math.round(quantile(pages, 0.99) * 10) / 10 });
  return median(pages);
}

await withStorageBench(async (bench) => {
  const job = await bench.job('pages');
  const values = Array.from({ length: keys }, () => 0);
  const began = Date.now() - 20 * 3_600_000;
  const moments: Date[] = [];
  let stored = 0;
  let storing = 0;
  const store = async (): Promise<void> => {
    const observedAt = new Date(began + moments.length * 20_000);
    moments.push(observedAt);
    const { ms } = await bench.store(job, values.map((value, index) => item(index, value)), { observedAt });
    storing += ms;
  };
  await store();
  for (const versions of sizes.length > 0 ? sizes : [10_000, 100_000, 1_000_000]) {
    while (stored < versions) {
      for (let change = 0; change < changesEach; change += 1) {
        const index = Math.floor(Math.random() * keys);
        values[index] = (values[index] ?? 0) + 1;
      }
      stored += changesEach;
      await store();
    }
    const latest = await timePages(bench, job, 'latest', versions, () => ({}));
    const past = await timePages(bench, job, 'past', versions, () => ({ at: moments[Math.floor(Math.random() * (moments.length - 1))] as Date }));
    const began = performance.now();
    const { versions: found } = await readHistory({ database: bench.database, dataset: job.dataset, key: 'item-010000', limit: 100 });
    const sizesOf = await Promise.all(['items', 'versions', 'keyframes', 'snapshots'].map(async (name) => [name, await bench.database.db.command({ collStats: name, scale: 1_000_000 })] as const));
    print({ row: 'past beside latest', versions, times: Math.round((past / latest) * 100) / 100, historyOfAKeyMs: Math.round((performance.now() - began) * 10) / 10, versionsOfTheKey: found.length, msEachSnapshot: Math.round(storing / moments.length), megabytes: Object.fromEntries(sizesOf.map(([name, stats]) => [name, [stats['storageSize'], stats['totalIndexSize']]])) });
  }
});
