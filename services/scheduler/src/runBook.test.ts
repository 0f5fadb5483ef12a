import type { Database } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { createRunBook, type KnownRun } from './runBook.ts';

const inserted = (): KnownRun => ({
  _id: 'a@1', job: 'a', dataset: 'd', jobVersion: 1, trigger: 'manual', state: 'due', scheduledAt: new Date(0), dueAt: new Date(0), dueSince: new Date(0), insertedAt: new Date(0), attempts: 0, maxAttempts: 5, inputs: {},
});
// Nothing here is read from the database.
const database = { collections: { runs: {} } } as unknown as Database;

describe('the run book', () => {
  it('a late word of an insert does not put a run back that was queued since', () => {
    const book = createRunBook({ database });
    book.learn(inserted());
    const [run] = book.takeDue(1, 0, 10);
    if (run === undefined) throw new Error('expected the run to be due');
    run.state = 'queued';
    run.attempts = 1;
    run.queuedAt = new Date(1);
    book.learn(inserted());
    expect(book.get('a@1')).toMatchObject({ state: 'queued', attempts: 1 });
    expect(book.takeDue(1, 0, 10)).toEqual([]);
  });
});
