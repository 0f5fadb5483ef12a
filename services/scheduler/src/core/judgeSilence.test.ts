import { describe, expect, it } from '@jest/globals';
import { judgeSilence } from './judgeSilence.ts';

describe('judgeSilence', () => {
  const lostAfterMs = 1_000;
  const at = (ms: number) => new Date(ms);
  it.each([
    ['not silent long enough', 999, undefined, 'wait'],
    ['silent, not asked yet', 1_000, undefined, 'probe'],
    ['an old probe, from before the silence was long enough', 2_500, { at: at(500), handledAt: at(600) }, 'probe'],
    ['asked, storage has not got to it', 1_500, { at: at(1_000) }, 'wait'],
    ['asked, storage never got to it: the message may be gone', 2_000, { at: at(1_000) }, 'probe'],
    ['asked after the silence, and handled', 1_100, { at: at(1_000), handledAt: at(1_050) }, 'lost'],
  ] as const)('%s', (_name, now, probe, expected) => {
    expect(judgeSilence({ lastSign: 0, probe, now, lostAfterMs })).toBe(expected);
  });
});
