import type { Database, ForEachRead, readForEach } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { createInputReader } from './inputReader.ts';
import type { KnownRun } from './runBook.ts';

const run = (id: string, job: string): KnownRun => ({
  _id: id, job: id, dataset: 'd', jobVersion: 1, trigger: 'manual', state: 'due', scheduledAt: new Date(0), dueAt: new Date(0), insertedAt: new Date(0), dueSince: new Date(0), attempts: 0, maxAttempts: 5, inputs: {},
  prepared: { spec: { forEachJob: { job, field: 'f' } } as never, validators: undefined },
});

function reader() {
  const asked: { readonly job: string; readonly before: ForEachRead | undefined; readonly answer: (read: ForEachRead) => void; readonly fail: (error: Error) => void }[] = [];
  const told: string[] = [];
  const inputs = createInputReader({
    database: {} as Database, log: { warn: () => undefined }, onRead: ({ _id }) => { told.push(_id); },
    read: ((ask) => new Promise((answer, fail) => { asked.push({ job: ask.job, before: ask.before, answer, fail }); })) satisfies typeof readForEach,
  });
  return { asked, told, inputs };
}
const input = { ok: true, values: ['A'] } as const;
const of = { dataset: 'd', position: 'p', rev: 1 };

describe('inputs from another job', () => {
  it('are read once for all that want them, four datasets at once, and nobody waits for another’s', async () => {
    const { asked, told, inputs } = reader();
    const runs = ['a', 'b', 'c', 'd', 'e', 'e'].map((job, index) => run(`${index}`, job));
    expect(runs.map(inputs.ask)).toEqual(runs.map(() => false));
    expect(asked.map(({ job }) => job)).toEqual(['a', 'b', 'c', 'd']);
    asked[1]?.answer({ input, of });
    await until(() => told.length === 1 && asked.length === 5);
    expect([runs.map(inputs.ask), runs[1]?.forEach]).toEqual([[false, true, false, false, false, false], input]);
    asked[4]?.answer({ input: { ok: false, reason: 'no input' } });
    await until(() => told.length === 3);
    expect(told).toEqual(['1', '4', '5']);
    // Read anew, what the last read brought is at hand.
    expect(inputs.ask(run('6', 'b'))).toBe(false);
    expect(asked.at(-1)?.before).toEqual({ input, of });
  });

  it('that cannot be read are asked for again when they are to be', async () => {
    const { asked, told, inputs } = reader();
    const one = run('1', 'a');
    inputs.ask(one);
    asked[0]?.fail(new Error('the database is away'));
    await until(() => { inputs.retry(); return told.length === 1; });
    expect(inputs.ask(one)).toBe(false);
    asked[1]?.answer({ input });
    await until(() => told.length === 2);
    expect(inputs.ask(one)).toBe(true);
  });

  it('are not asked for by runs that have theirs, or need none', () => {
    const { asked, inputs } = reader();
    expect([{ ...run('1', 'a'), inputs: { forEach: ['A'] } }, { ...run('2', 'a'), state: 'retrying' as const }, { ...run('3', 'a'), prepared: undefined }].map(inputs.ask)).toEqual([true, true, true]);
    expect(asked).toEqual([]);
  });
});
