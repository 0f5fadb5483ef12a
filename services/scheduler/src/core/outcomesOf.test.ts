import { describe, expect, it } from '@jest/globals';
import { outcomesOf } from './outcomesOf.ts';

describe('outcomesOf', () => {
  const counts = { received: 1, kept: 1, added: 0, changed: 0, removed: 0, unchanged: 1 };
  it.each([
    ['failed', { state: 'failed' }, ['failed']],
    ['unchanged', { state: 'unchanged' }, ['succeeded']],
    ['the same items', { state: 'succeeded', counts }, ['succeeded']],
    ['an item removed', { state: 'succeeded', counts: { ...counts, removed: 1 } }, ['succeeded', 'changed']],
    ['another definition', { state: 'succeeded', cause: 'definition', counts: { ...counts, added: 9 } }, ['succeeded']],
    ['quarantined', { state: 'quarantined', counts: { ...counts, removed: 9 } }, []],
    ['cancelled', { state: 'cancelled' }, []],
  ] as const)('%s', (_name, run, expected) => {
    expect(outcomesOf(run)).toEqual(expected);
  });
});
