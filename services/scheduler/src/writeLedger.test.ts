import { jobDefinitionSchema } from '@gleaner/contracts';
import { putJob, setPaused, type Database } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { withDatabase } from '../../../test/support/withDatabase.ts';
import { defaultTimes } from './config.ts';
import { createJobBook, type JobBook, type JobEntry } from './jobBook.ts';
import { writeLedger } from './writeLedger.ts';

const hour = 3_600_000;

const holds = (): boolean => true;
const never = (): boolean => false;
const staleOf = (entries: readonly JobEntry[]): unknown[] => entries.map(({ id, stale }) => [id, stale]).toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));

/** Two jobs that fire each hour from `first` on, in a book whose watermarks are written; then `move` does what another leader does meanwhile, by default moves the watermark of `moved` on. */
async function withMovedOn(fn: (stage: { readonly database: Database; readonly book: JobBook; readonly entries: readonly JobEntry[]; readonly first: number; readonly theirs: Date; through(job: string): Promise<Date | undefined> }) => Promise<void>, move?: (database: Database) => Promise<void>): Promise<void> {
  await withDatabase(async (database) => {
    const first = Math.ceil(Date.now() / hour) * hour + hour;
    for (const id of ['moved', 'mine']) await putJob({ database, id, by: 'test', definition: jobDefinitionSchema.parse({ schedule: { every: '1h', start: new Date(first).toISOString() }, source: { http: { url: 'https://upstream.example/' } }, key: 'id' }) });
    const book = createJobBook({ database, times: defaultTimes });
    await book.load();
    const entries = [...book.all()];
    expect(await writeLedger({ database, book, entries, now: Date.now(), ahead: 500, holds })).toEqual([]);
    const theirs = new Date(first + 9 * hour);
    if (move) await move(database);
    else await database.collections.schedules.updateOne({ _id: 'moved' }, { $set: { through: theirs } });
    await fn({ database, book, entries, first, theirs, through: async (job) => (await database.collections.schedules.findOne({ _id: job }))?.through });
  });
}

describe('a watermark that another leader has moved', () => {
  it('stays as it is when a coming fire gets its row, and the job is read anew', () => withMovedOn(async ({ database, book, entries, first, theirs, through }) => {
    await writeLedger({ database, book, entries, now: first - 100, ahead: 500, holds });
    expect([await through('moved'), await through('mine')]).toEqual([theirs, new Date(first)]);
    expect(staleOf(entries)).toEqual([['mine', false], ['moved', true]]);
  }));

  it('keeps the rows of what was missed from being written a second time, but not those of other jobs', () => withMovedOn(async ({ database, book, entries, first, theirs, through }) => {
    const due = await writeLedger({ database, book, entries, now: first + 5 * hour, ahead: 500, holds });
    expect(due.map(({ job, state }) => [job, state])).toEqual([['mine', 'due']]);
    const rows = await database.collections.runs.find({}).sort({ scheduledAt: 1 }).toArray();
    expect(rows.map(({ job, state, count }) => [job, state, count])).toEqual([['mine', 'missed', 5], ['mine', 'due', undefined]]);
    expect([await through('moved'), await through('mine')]).toEqual([theirs, new Date(first + 5 * hour)]);
    expect(staleOf(entries)).toEqual([['mine', false], ['moved', true]]);
  }));
});

describe('a leader that slept', () => {
  const wakes = async (change: (database: Database) => Promise<unknown>): Promise<void> => {
    await withMovedOn(async ({ database, book, entries, first }) => {
      const due = await writeLedger({ database, book, entries, now: first + 5 * hour, ahead: 500, holds });
      expect(due.map(({ job }) => job)).toEqual(['mine']);
      expect(await database.collections.runs.countDocuments({ job: 'moved' })).toBe(0);
      expect(staleOf(entries)).toEqual([['mine', false], ['moved', true]]);
    }, async (database) => {
      await change(database);
      const theirs = createJobBook({ database, times: defaultTimes });
      await theirs.load();
      const [entry] = await theirs.refresh(['moved']);
      if (entry) await writeLedger({ database, book: theirs, entries: [entry], now: Date.now(), ahead: 500, holds });
    });
  };

  it('fires nothing of a job that was paused since, though no fire came between', () => wakes((database) => setPaused({ database, id: 'moved', by: 'test', paused: true })));

  it('fires nothing of an older version of a job, though no fire came between', () => wakes((database) => putJob({
    database, id: 'moved', by: 'test', definition: jobDefinitionSchema.parse({ schedule: { every: '1h', start: '2100-01-01T00:00:00Z' }, source: { http: { url: 'https://upstream.example/' } }, key: 'id' }),
  })));

  it('writes nothing once its lease has run out, neither a coming fire nor missed ones', () => withMovedOn(async ({ database, book, entries, first }) => {
    for (const now of [first - 100, first + 5 * hour]) await expect(writeLedger({ database, book, entries, now, ahead: 500, holds: never })).rejects.toThrow('lease');
    expect(await database.collections.runs.countDocuments()).toBe(0);
  }));
});

describe('catch-up runs of `misfire: all`', () => {
  it('stay in turn though the job was edited to another `misfire` before they got their rows', () => withMovedOn(async ({ database, book, first }) => {
    const edited = new Date(first + 3.5 * hour);
    await database.collections.jobs.updateOne({ _id: 'moved' }, { $set: { changedAt: edited } });
    await database.collections.revisions.updateOne({ _id: 'moved@3' }, { $set: { changedAt: edited } });
    await writeLedger({ database, book, entries: await book.refresh(['moved']), now: first + 5 * hour, ahead: 500, holds });
    const rows = await database.collections.runs.find({ job: 'moved' }).sort({ scheduledAt: 1 }).toArray();
    expect(rows.map(({ scheduledAt, state, jobVersion, inTurn }) => [(scheduledAt.getTime() - first) / hour, state, jobVersion, inTurn])).toEqual([
      [0, 'due', 3, true], [1, 'due', 3, true], [2, 'due', 3, true], [3, 'due', 3, true], [4, 'missed', 3, undefined], [5, 'due', 3, undefined],
    ]);
  }, async (database) => {
    const start = new Date(Math.ceil(Date.now() / hour) * hour + hour).toISOString();
    for (const misfire of ['all', 'latest'] as const) await putJob({ database, id: 'moved', by: 'test', definition: jobDefinitionSchema.parse({ schedule: { every: '1h', start, misfire }, source: { http: { url: 'https://upstream.example/' } }, key: 'id' }) });
  }));
});
