import type { Database } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { createRunBook, type KnownRun } from './runBook.ts';

const inserted = (): KnownRun => ({
  _id: 'a@1', job: 'a', dataset: 'd', jobVersion: 1, trigger: 'manual', state: 'due', scheduledAt: new Date(0), dueAt: new Date(0), dueSince: new Date(0), insertedAt: new Date(0), attempts: 0, maxAttempts: 5, inputs: {},
});
// Nothing here is read from the database.
const database = { collections: { runs: {} } } as unknown as Database;

describe('the run book', () => {
  it.each(['reread', 'reload'] as const)('%s does not bring back a run that has ended, and was seen to, while it was being read', async (how) => {
    let answer: (found: KnownRun[]) => void = () => undefined;
    const find = () => ({ toArray: () => new Promise<KnownRun[]>((resolve) => { answer = resolve; }) });
    const book = createRunBook({ database: { collections: { runs: { find } } } as unknown as Database });
    book.learn(inserted());
    const reading = how === 'reread' ? book.reread(['a@1', 'b@1']) : book.reload(['a', 'b']);
    book.forget('a@1');
    answer([{ ...inserted(), state: 'running' }, { ...inserted(), _id: 'b@1', job: 'b' }]);
    await reading;
    expect([...book.all()].map(({ _id }) => _id)).toEqual(['b@1']);
  });

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
