import { describe, expect, it } from '@jest/globals';
import { createAbortRegistry } from './createAbortRegistry.ts';

describe('the abort registry', () => {
  it('ends the attempts of a run that is aborted, and no other', () => {
    const aborts = createAbortRegistry();
    using one = aborts.enter({ run: 'a', try: 1 });
    using two = aborts.enter({ run: 'a', try: 1 });
    using other = aborts.enter({ run: 'b', try: 1 });
    aborts.abort({ run: 'a', try: 1 }, 'cancelled');
    expect([one, two, other].map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
    expect(aborts.size).toBe(2);
  });

  it('ends an attempt that begins only after its run was aborted, at once', () => {
    const aborts = createAbortRegistry();
    aborts.abort({ run: 'a', try: 1 }, 'cancelled');
    using late = aborts.enter({ run: 'a', try: 1 });
    using other = aborts.enter({ run: 'b', try: 1 });
    expect(late.signal.aborted).toBe(true);
    expect(String(late.signal.reason)).toMatch('cancelled');
    expect(other.signal.aborted).toBe(false);
  });

  it('lets a later try of an aborted run be, whenever it begins', () => {
    const aborts = createAbortRegistry();
    using under = aborts.enter({ run: 'a', try: 3 });
    aborts.abort({ run: 'a', try: 2 }, 'the run has ended');
    aborts.abort({ run: 'a', try: 1 }, 'the run has ended');
    using late = aborts.enter({ run: 'a', try: 2 });
    using next = aborts.enter({ run: 'a', try: 3 });
    expect([under, late, next].map(({ signal }) => signal.aborted)).toEqual([false, true, false]);
  });

  it('remembers the newest, so many and no more; what it hears again is new', () => {
    const aborts = createAbortRegistry({ remembered: 2 });
    for (const run of ['a', 'b', 'a', 'c']) aborts.abort({ run, try: 1 }, 'cancelled');
    const isKnown = (run: string): boolean => { using entry = aborts.enter({ run, try: 1 }); return entry.signal.aborted; };
    expect(['a', 'b', 'c'].map(isKnown)).toEqual([true, false, true]);
  });
});
