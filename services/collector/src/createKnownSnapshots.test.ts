import { describe, expect, it } from '@jest/globals';
import { createKnownSnapshots } from './createKnownSnapshots.ts';

const snapshotOf = (items: number) => ({ hashes: new Map(Array.from({ length: items }, (_, index) => [`k${index}`, 'h'])), records: new Map() });
const about = { dataset: 'd1', extractionHash: 'x', run: 'job@1', bodyHash: 'b' };

describe('remembered snapshots', () => {
  it('are found by the run that they were sent for, and by runs that saw the same again', () => {
    const known = createKnownSnapshots();
    const snapshot = snapshotOf(2);
    known.put({ ...about, snapshot });
    expect(known.find(about)).toBe(snapshot);
    known.again({ dataset: 'd1', base: 'job@1', run: 'job@2' });
    known.again({ dataset: 'd1', base: 'job@2', run: 'job@3' });
    for (const run of ['job@1', 'job@2', 'job@3']) expect(known.find({ ...about, run })).toBe(snapshot);
    for (let run = 4; run < 40; run += 1) known.again({ dataset: 'd1', base: `job@${run - 1}`, run: `job@${run}` });
    expect(known.find({ ...about, run: 'job@39' })).toBe(snapshot);
    expect(known.find(about)).toBeUndefined();
  });

  it.each([{ dataset: 'd2' }, { extractionHash: 'y' }, { run: 'job@9' }, { bodyHash: 'of another attempt of the run' }])('are no other snapshot: %j', (other) => {
    const known = createKnownSnapshots();
    known.put({ ...about, snapshot: snapshotOf(1) });
    known.again({ dataset: 'd1', base: 'job@8', run: 'job@9' });
    expect(known.find({ ...about, ...other })).toBeUndefined();
  });

  it('are the newest of each dataset, at most so many items and records, those used longest ago forgotten first', () => {
    const known = createKnownSnapshots({ limit: 10 });
    known.put({ ...about, snapshot: snapshotOf(4) });
    known.put({ ...about, dataset: 'd2', snapshot: snapshotOf(4) });
    expect(known.find(about)).toBeDefined();
    known.put({ ...about, dataset: 'd3', snapshot: { ...snapshotOf(1), records: new Map([[1n, null], [2n, null]]) } });
    expect([known.size, known.find({ ...about, dataset: 'd2' })]).toEqual([7, undefined]);
    known.put({ ...about, dataset: 'd3', snapshot: snapshotOf(11) });
    expect([known.size, known.find({ ...about, dataset: 'd3' }), known.find(about)?.hashes.size]).toEqual([4, undefined, 4]);
  });
});
