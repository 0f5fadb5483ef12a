import { jobDefinitionSchema } from '@gleaner/contracts';
import { connectDatabase, putJob, setupDatabase, type Database } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { withMongo } from '../../../test/support/withMongo.ts';
import { defaultTimes } from './config.ts';
import { createJobBook, type JobBook, type JobEntry } from './jobBook.ts';
import { writeLedger } from './writeLedger.ts';

const hour = 3_600_000;

/** Two jobs that fire each hour from `first` on, in a book whose watermarks are written; then another leader moves the watermark of `moved` on. */
async function withMovedOn(fn: (stage: { readonly database: Database; readonly book: JobBook; readonly entries: readonly JobEntry[]; readonly first: number; readonly theirs: Date; through(job: string): Promise<Date | undefined> }) => Promise<void>): Promise<void> {
  await withMongo(async ({ url }) => {
    const database = await connectDatabase({ url, appName: 'test' });
    try {
      await setupDatabase({ database });
      const first = Math.ceil(Date.now() / hour) * hour + hour;
      for (const id of ['moved', 'mine']) await putJob({ database, id, by: 'test', definition: jobDefinitionSchema.parse({ schedule: { every: '1h', start: new Date(first).toISOString() }, source: { http: { url: 'https://upstream.example/' } }, key: 'id' }) });
      const book = createJobBook({ database, times: defaultTimes });
      await book.load();
      const entries = [...book.all()];
      expect(await writeLedger({ database, book, entries, now: Date.now(), ahead: 500 })).toEqual([]);
      const theirs = new Date(first + 9 * hour);
      await database.collections.schedules.updateOne({ _id: 'moved' }, { $set: { through: theirs } });
      await fn({ database, book, entries, first, theirs, through: async (job) => (await database.collections.schedules.findOne({ _id: job }))?.through });
    } finally {
      await database.close();
    }
  });
}

describe('a watermark that another leader has moved', () => {
  it('stays as it is when a coming fire gets its row, and the job is read anew', () => withMovedOn(async ({ database, book, entries, first, theirs, through }) => {
    await writeLedger({ database, book, entries, now: first - 100, ahead: 500 });
    expect([await through('moved'), await through('mine')]).toEqual([theirs, new Date(first)]);
    expect(entries.map(({ id, stale }) => [id, stale]).toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1))).toEqual([['mine', false], ['moved', true]]);
  }));

  it('keeps the rows of what was missed from being written a second time, but not those of other jobs', () => withMovedOn(async ({ database, book, entries, first, theirs, through }) => {
    const due = await writeLedger({ database, book, entries, now: first + 5 * hour, ahead: 500 });
    expect(due.map(({ job, state }) => [job, state])).toEqual([['mine', 'due']]);
    const rows = await database.collections.runs.find({}).sort({ scheduledAt: 1 }).toArray();
    expect(rows.map(({ job, state, count }) => [job, state, count])).toEqual([['mine', 'missed', 5], ['mine', 'due', undefined]]);
    expect([await through('moved'), await through('mine')]).toEqual([theirs, new Date(first + 5 * hour)]);
    expect(entries.map(({ id, stale }) => [id, stale]).toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1))).toEqual([['mine', false], ['moved', true]]);
  }));
});
