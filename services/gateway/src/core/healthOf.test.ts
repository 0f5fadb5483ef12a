import { describe, expect, it } from '@jest/globals';
import type { RunState } from '@gleaner/contracts';
import { healthOf } from './healthOf.ts';

describe('healthOf', () => {
  const now = new Date(1_000_000);
  const base = { paused: false, lastState: 'succeeded' as RunState | undefined, lastSuccessAt: new Date(900_000) as Date | undefined, expectEvery: undefined as number | undefined, since: new Date(0), now };
  it.each<[Partial<typeof base>, string]>([
    [{}, 'ok'], [{ paused: true, lastState: 'failed' }, 'paused'], [{ lastState: 'failed' }, 'failing'], [{ lastState: 'retrying' }, 'failing'], [{ lastState: 'quarantined' }, 'quarantined'],
    [{ lastState: undefined, lastSuccessAt: undefined }, 'new'], [{ expectEvery: 100_000 }, 'ok'], [{ expectEvery: 99_999 }, 'stale'], [{ expectEvery: 99_999, lastState: 'failed' }, 'stale'],
    [{ expectEvery: 999_999, lastSuccessAt: undefined, lastState: undefined }, 'stale'], [{ expectEvery: 1_000_000, lastSuccessAt: undefined, lastState: undefined }, 'new'],
  ])('%j is %s', (facts, health) => {
    expect(healthOf({ ...base, ...facts })).toBe(health);
  });
});
