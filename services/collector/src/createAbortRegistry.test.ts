import { describe, expect, it } from '@jest/globals';
import { createAbortRegistry } from './createAbortRegistry.ts';

describe('the abort registry', () => {
  it('ends the attempts of a run that is aborted, and no other', () => {
    const aborts = createAbortRegistry();
    using one = aborts.enter('a');
    using two = aborts.enter('a');
    using other = aborts.enter('b');
    aborts.abort('a', 'cancelled');
    expect([one, two, other].map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
    expect(aborts.size).toBe(2);
  });

  it('ends an attempt that begins only after its run was aborted, at once', () => {
    const aborts = createAbortRegistry();
    aborts.abort('a', 'cancelled');
    using late = aborts.enter('a');
    using other = aborts.enter('b');
    expect(late.signal.aborted).toBe(true);
    expect(String(late.signal.reason)).toMatch('cancelled');
    expect(other.signal.aborted).toBe(false);
  });

  it('remembers the newest, so many and no more; what it hears again is new', () => {
    const aborts = createAbortRegistry({ remembered: 2 });
    for (const run of ['a', 'b', 'a', 'c']) aborts.abort(run, 'cancelled');
    const isKnown = (run: string): boolean => { using entry = aborts.enter(run); return entry.signal.aborted; };
    expect(['a', 'b', 'c'].map(isKnown)).toEqual([true, false, true]);
  });
});
