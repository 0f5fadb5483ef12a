import { describe, expect, it } from '@jest/globals';
import { parseJob, type JobDefinition } from '@gleaner/contracts';
import { withDatabase } from '../../../test/support/withDatabase.ts';
import { withMongo } from '../../../test/support/withMongo.ts';
import {
  connectDatabase, deleteJob, expectSchema, findJob, findRevision, findRun, holdLease, insertLetter, insertRun, migrations, moveRun, newRun, putJob,
  releaseLease, replayRunLetter, requestReplay, setPaused, setupDatabase, type Database, type LetterDocument, type RunDocument,
} from './index.ts';

function definition(extra: object = {}): JobDefinition {
  const parsed = parseJob('rates', { key: 'id', source: { http: { url: 'https://upstream.example' } }, ...extra });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.definition;
}

const put = (database: Database, extra: object = {}, ifVersion?: number) =>
  putJob({ database, id: 'rates', definition: definition(extra), by: 'test', ...(ifVersion === undefined ? {} : { ifVersion }) });

async function dueRun(database: Database, id = 'rates@1', extra: Partial<RunDocument> = {}): Promise<RunDocument> {
  const now = database.clock.now();
  const run = newRun({ id, job: { _id: 'rates', version: 1, dataset: 'D' }, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5, extra });
  expect(await insertRun({ database, run })).toBe(true);
  return run;
}

describe('jobs', () => {
  it('grow a version and a revision with each change, and none without one', () => withDatabase(async (database) => {
    expect(await put(database)).toMatchObject({ created: true, changed: true, job: { version: 1 } });
    expect(await put(database)).toMatchObject({ created: false, changed: false, job: { version: 1 } });
    expect(await put(database, { title: 'Rates' })).toMatchObject({ created: false, changed: true, job: { version: 2 } });
    await setPaused({ database, id: 'rates', by: 'test', paused: true });
    expect(await setPaused({ database, id: 'rates', by: 'test', paused: true })).toMatchObject({ version: 3, paused: true });
    expect(await findRevision({ database, job: 'rates', version: 3 })).toMatchObject({ what: 'paused', paused: true });
    const revisions = await database.collections.revisions.find({ job: 'rates' }).sort({ version: 1 }).toArray();
    expect(revisions.map(({ version, what }) => `${version} ${what}`)).toEqual(['1 put', '2 put', '3 paused']);
    expect(revisions.every((revision, index) => index === 0 || revision.changedAt > (revisions[index - 1]?.changedAt ?? revision.changedAt))).toBe(true);
  }));

  it('refuse a change based on another version', () => withDatabase(async (database) => {
    await put(database);
    await expect(put(database, { title: 'x' }, 7)).rejects.toMatchObject({ code: 'version_conflict', details: { expected: 7, seen: 1 } });
    expect(await put(database, { title: 'x' }, 1)).toMatchObject({ job: { version: 2 } });
  }));

  it('lose no change when two come at once', () => withDatabase(async (database) => {
    await put(database);
    await Promise.all(Array.from({ length: 8 }, (_, index) => put(database, { title: `title ${index}` })));
    expect(await findJob({ database, id: 'rates' })).toMatchObject({ version: 9 });
    expect(await database.collections.revisions.countDocuments({ job: 'rates' })).toBe(9);
  }));

  it('made again after deletion go on counting, in a new dataset, with a head of their own', () => withDatabase(async (database) => {
    const { job } = await put(database);
    expect(await deleteJob({ database, id: 'rates', by: 'test' })).toBe(true);
    expect(await deleteJob({ database, id: 'rates', by: 'test' })).toBe(false);
    expect(await findJob({ database, id: 'rates' })).toBeNull();
    const again = await put(database);
    expect(again).toMatchObject({ created: true, job: { version: 3 } });
    expect(again.job.dataset).not.toBe(job.dataset);
    const heads = await database.db.collection('heads').find().sort({ _id: 1 }).toArray();
    expect(heads.map((head) => [String(head._id), head['deleted'] ?? false, head['rev']])).toEqual([[job.dataset, true, 1], [again.job.dataset, false, 0]]);
  }));
});

describe('moveRun', () => {
  it('is compare-and-set: of many at once one wins, and rev counts the moves', () => withDatabase(async (database) => {
    await dueRun(database);
    const moved = await Promise.all(Array.from({ length: 10 }, () => moveRun({ database, run: 'rates@1', to: 'queued' })));
    expect(moved.filter((run) => run !== null)).toHaveLength(1);
    expect(await findRun({ database, run: 'rates@1' })).toMatchObject({ state: 'queued', rev: 2, attempts: 1 });
  }));

  it('marks an ended run by its rev and unmarks one that lives again', () => withDatabase(async (database) => {
    await dueRun(database);
    await moveRun({ database, run: 'rates@1', to: 'queued' });
    const failed = await moveRun({ database, run: 'rates@1', to: 'failed', set: { letter: 'L', error: { class: 'network', message: '$x' } } });
    expect(failed).toMatchObject({ rev: 3, unsettled: 3, error: { class: 'network', message: '$x' } });
    expect(failed?.endedAt).toBeInstanceOf(Date);
    const due = await moveRun({ database, run: 'rates@1', to: 'due', where: { letter: 'L' }, unset: ['letter'] });
    expect(due).toMatchObject({ state: 'due', rev: 4 });
    for (const field of ['unsettled', 'endedAt', 'letter', 'error', 'queuedAt']) expect(due).not.toHaveProperty(field);
  }));

  it('ignores what the table does not allow', () => withDatabase(async (database) => {
    await dueRun(database);
    expect(await moveRun({ database, run: 'rates@1', to: 'running' })).toBeNull();
    await moveRun({ database, run: 'rates@1', to: 'cancelled' });
    for (const to of ['due', 'queued', 'succeeded', 'failed', 'expired'] as const) expect(await moveRun({ database, run: 'rates@1', to })).toBeNull();
    expect(await findRun({ database, run: 'rates@1' })).toMatchObject({ state: 'cancelled', rev: 2 });
  }));

  it('keeps one row for one fire', () => withDatabase(async (database) => {
    const run = await dueRun(database);
    expect(await insertRun({ database, run: { ...run, job: 'other' } })).toBe(false);
    expect(await findRun({ database, run: run._id })).toMatchObject({ job: 'rates' });
  }));
});

describe('letters', () => {
  it('replayed by many at once give the run one more chance', () => withDatabase(async (database) => {
    await dueRun(database);
    await moveRun({ database, run: 'rates@1', to: 'queued' });
    await moveRun({ database, run: 'rates@1', to: 'failed', set: { letter: 'L' } });
    const now = database.clock.now();
    const letter: LetterDocument = { _id: 'L', queue: 'collect', run: 'rates@1', class: 'network', reason: 'x', attempts: 5, firstAt: now, deadAt: now, replays: 0, state: 'parked', headers: {} };
    expect(await insertLetter({ database, letter })).toBe(true);
    expect(await insertLetter({ database, letter })).toBe(false);
    expect(await requestReplay({ database, parts: [{ filter: { _id: 'L' } }], by: 'me' })).toBe(1);
    expect(await requestReplay({ database, parts: [{ filter: { _id: 'L' } }], by: 'me' })).toBe(0);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => database.transaction((session) => replayRunLetter({ database, letter, now, session }))));
    expect(outcomes.sort()).toEqual(['done already', 'done already', 'done already', 'done already', 'replayed']);
    expect(await findRun({ database, run: 'rates@1' })).toMatchObject({ state: 'due', rev: 4 });
    expect(await database.collections.deadLetters.findOne({ _id: 'L' })).toMatchObject({ state: 'replayed', replays: 1 });
  }));

  it('of a run that has moved on are superseded', () => withDatabase(async (database) => {
    await dueRun(database);
    const now = database.clock.now();
    const letter: LetterDocument = { _id: 'L', queue: 'collect', run: 'rates@1', class: 'network', reason: 'x', attempts: 5, firstAt: now, deadAt: now, replays: 0, state: 'parked', headers: {} };
    await insertLetter({ database, letter });
    expect(await database.transaction((session) => replayRunLetter({ database, letter, now, session }))).toBe('superseded');
    expect(await findRun({ database, run: 'rates@1' })).toMatchObject({ state: 'due', rev: 1 });
  }));
});

describe('the lease', () => {
  it('has one holder, whose token grows with each change of hands', () => withDatabase(async (database) => {
    const all = await Promise.all(['a', 'b', 'c'].map((owner) => holdLease({ database, name: 'scheduler', owner })));
    const held = all.filter((lease) => lease !== null);
    expect(held).toHaveLength(1);
    const owner = held[0]?.owner ?? '';
    expect(await holdLease({ database, name: 'scheduler', owner })).toMatchObject({ token: 1 });
    await releaseLease({ database, name: 'scheduler', owner });
    expect(await holdLease({ database, name: 'scheduler', owner: 'd' })).toMatchObject({ token: 2 });
    expect(await holdLease({ database, name: 'scheduler', owner })).toBeNull();
  }));
});

describe('setupDatabase', () => {
  it('is repeatable, and a database of another age is refused with a word what to do', () => withMongo(async ({ url, databaseName }) => {
    const database = await connectDatabase({ url, databaseName, appName: 'test' });
    try {
      await expect(expectSchema({ database })).rejects.toMatchObject({ code: 'schema_too_old' });
      expect(await setupDatabase({ database })).toHaveLength(migrations.length);
      expect(await setupDatabase({ database })).toEqual([]);
      await expectSchema({ database });
      await database.collections.meta.updateOne({ _id: 'schema' }, { $set: { version: 1_000 } });
      await expect(expectSchema({ database })).rejects.toMatchObject({ code: 'schema_too_new' });
      await expect(setupDatabase({ database })).rejects.toMatchObject({ code: 'schema_too_new' });
    } finally {
      await database.close();
    }
  }));
});

describe('each migration', () => {
  it('may be applied again to what it has made, as when a setup died half way', () => withDatabase(async (database) => {
    await put(database);
    const shape = async () => {
      const names = (await database.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).toSorted();
      return await Promise.all(names.map(async (name) => [name, (await database.db.collection(name).indexes()).map((index) => JSON.stringify(index)).toSorted()] as const));
    };
    const [before, jobs] = [await shape(), await database.collections.jobs.find().toArray()];
    expect(before.length).toBeGreaterThan(10);
    for (const { version, name } of migrations) {
      await database.collections.meta.updateOne({ _id: 'schema' }, { $set: { version: version - 1 } });
      expect(await setupDatabase({ database })).toContain(`${version} ${name}`);
      await expectSchema({ database });
      expect(await shape()).toEqual(before);
    }
    expect(await database.collections.jobs.find().toArray()).toEqual(jobs);
    expect(new Set(migrations.map(({ version }) => version)).size).toBe(migrations.length);
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, index) => index + 1));
  }));
});

describe('the clock', () => {
  it('follows the database, whatever the wall clock says', () => withDatabase(async (database) => {
    const { localTime } = await database.db.admin().command({ hello: 1 });
    expect(Math.abs(database.clock.now().getTime() - (localTime as Date).getTime())).toBeLessThan(5_000);
  }));
});
