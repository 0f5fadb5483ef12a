import { describe, expect, it } from '@jest/globals';
import { JobRuns } from './jobRuns.ts';
import type { KnownRun } from './runBook.ts';

const run = (id: string, extra: Partial<KnownRun> = {}): KnownRun => ({
  _id: id, job: 'job', dataset: 'd', jobVersion: 1, trigger: 'backfill', state: 'due', scheduledAt: new Date(Number(id)), dueAt: new Date(0), insertedAt: new Date(0), dueSince: new Date(0), attempts: 0, maxAttempts: 5, inputs: {}, ...extra,
});
const ids = (runs: Iterable<KnownRun>): string[] => [...runs].map(({ _id }) => _id);

describe('the runs of a job', () => {
  it('that wait in line are in nobody’s way, and come earliest first, however they were read', () => {
    const runs = new JobRuns();
    for (const id of ['3', '1', '2']) runs.file(run(id));
    for (const id of ['6', '5']) runs.file(run(id, { trigger: 'catch-up', inTurn: true }));
    runs.file(run('7', { trigger: 'schedule' }));
    expect(ids(runs.heads(2))).toEqual(['1', '2', '5', '6']);
    expect(ids(runs.rivals)).toEqual(['7', '5']);
    expect(ids(runs.outOfLine)).toEqual(['7']);
    expect(runs.size).toBe(6);
  });

  it('leave their line when they start, and come back to it when they are due again', () => {
    const runs = new JobRuns();
    const [first, second] = [run('1'), run('2')];
    for (const one of [first, second]) runs.file(one);
    first.state = 'queued';
    runs.file(first);
    expect([ids(runs.rivals), ids(runs.heads(9))]).toEqual([['1'], ['2']]);
    Object.assign(first, { state: 'due', dueAt: new Date(1) });
    runs.file(first);
    expect([ids(runs.rivals), ids(runs.heads(9))]).toEqual([[], ['2', '1']]);
    for (const one of [first, second]) runs.remove(one);
    expect(runs.size).toBe(0);
  });
});
