import { expect, it } from '@jest/globals';
import type { BatchItem } from '@gleaner/contracts';
import { findRun, readItems } from '@gleaner/database';
import { messages, withStorage } from './testing/withStorage.ts';

const count = 250_000;
const items = (value: (index: number) => number): BatchItem[] => Array.from({ length: count }, (_, index) => ({ k: String(index).padStart(6, '0'), h: `${value(index)}`, d: { value: value(index) } }));

it('stores 250,000 items in one snapshot, batches in any order, and what changed of them in the next', () => withStorage(async (test) => {
  const job = await test.job();
  const [first, second] = [await test.run(job, '1'), await test.run(job, '2')];
  const observedAt = new Date(Date.now() - 60_000);
  const set = messages.set(first, items(() => 0), { batches: 30, observedAt });
  for (const message of set.toSorted((a, b) => a.body.length % 97 - (b.body.length % 97))) await test.handle(message);
  expect(await findRun({ database: test.database, run: first._id })).toMatchObject({ state: 'succeeded', counts: { added: count, total: count } });
  const changed = messages.set(second, items((index) => (index % 1_000 === 0 ? 1 : 0)), { batches: 30 });
  await Promise.all(changed.map((message) => test.handle(message)));
  expect(await findRun({ database: test.database, run: second._id })).toMatchObject({ counts: { changed: 250, unchanged: count - 250, total: count } });
  const page = await readItems({ database: test.database, dataset: job.dataset, at: observedAt, after: '123999', limit: 2 });
  expect(page).toMatchObject({ total: count, items: [{ key: '124000', data: { value: 0 } }, { key: '124001', data: { value: 0 } }] });
  expect((await readItems({ database: test.database, dataset: job.dataset, after: '123999', limit: 2 })).items).toMatchObject([{ data: { value: 1 } }, { data: { value: 0 } }]);
}), 400_000);
