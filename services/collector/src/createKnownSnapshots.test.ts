import { describe, expect, it } from '@jest/globals';
import { createKnownSnapshot } from './core/createKnownSnapshot.ts';
import { createKnownSnapshots } from './createKnownSnapshots.ts';

function snapshotOf({ items, records = 0 }: { readonly items: number; readonly records?: number }) {
  const snapshot = createKnownSnapshot({ hash: () => ({ low: 0, high: 0, length: 0 }) });
  const seen = snapshot.compare();
  for (let item = 0; item < items; item += 1) if (seen.differs(`k${item}`, 'h')) seen.change(`k${item}`, 'h', '{}');
  for (let record = 0; record < records; record += 1) seen.became({ low: record, high: 1, length: 1 }, undefined);
  seen.commit();
  return snapshot;
}
const about = { dataset: 'd1', extractionHash: 'x', run: 'job@1', bodyHash: 'b' };

describe('remembered snapshots', () => {
  it('are found by the run that they were sent for, and by runs that saw the same again', () => {
    const known = createKnownSnapshots();
    const snapshot = snapshotOf({ items: 2 });
    const takes = (run: string): boolean => {
      const one = known.take({ ...about, run });
      if (one) known.giveBack(one);
      return one?.snapshot === snapshot;
    };
    known.put({ ...about, snapshot });
    known.again({ dataset: 'd1', base: 'job@1', run: 'job@2' });
    known.again({ dataset: 'd1', base: 'job@2', run: 'job@3' });
    expect(['job@1', 'job@2', 'job@3', 'job@4'].map(takes)).toEqual([true, true, true, false]);
    for (let run = 4; run < 40; run += 1) known.again({ dataset: 'd1', base: `job@${run - 1}`, run: `job@${run}` });
    expect(['job@1', 'job@39'].map(takes)).toEqual([false, true]);
  });

  it.each([{ dataset: 'd2' }, { extractionHash: 'y' }, { run: 'job@9' }, { bodyHash: 'of another attempt of the run' }])('are no other snapshot: %j', (other) => {
    const known = createKnownSnapshots();
    known.put({ ...about, snapshot: snapshotOf({ items: 1 }) });
    known.again({ dataset: 'd1', base: 'job@8', run: 'job@9' });
    expect(known.take({ ...about, ...other })).toBeUndefined();
  });

  it('are compared with by one attempt at a time', () => {
    const known = createKnownSnapshots();
    known.put({ ...about, snapshot: snapshotOf({ items: 1 }) });
    const one = known.take(about);
    expect([one === undefined, known.take(about), known.size]).toEqual([false, undefined, 0]);
    known.put({ ...about, run: 'job@2', snapshot: snapshotOf({ items: 2 }) });
    if (one) known.giveBack(one);
    expect([known.take(about), known.take({ ...about, run: 'job@2' })?.snapshot.size]).toEqual([undefined, 2]);
  });

  it('are the newest of each dataset, at most so many items and records, those used longest ago forgotten first', () => {
    const known = createKnownSnapshots({ limit: 10 });
    const holds = (dataset: string): number | undefined => {
      const one = known.take({ ...about, dataset });
      if (one) known.giveBack(one);
      return one?.snapshot.size;
    };
    known.put({ ...about, snapshot: snapshotOf({ items: 4 }) });
    known.put({ ...about, dataset: 'd2', snapshot: snapshotOf({ items: 4 }) });
    expect(holds('d1')).toBe(4);
    known.put({ ...about, dataset: 'd3', snapshot: snapshotOf({ items: 1, records: 2 }) });
    expect([known.size, holds('d2'), holds('d3')]).toEqual([7, undefined, 3]);
    known.put({ ...about, dataset: 'd3', snapshot: snapshotOf({ items: 11 }) });
    expect([known.size, holds('d3'), holds('d1')]).toEqual([4, undefined, 4]);
  });
});
