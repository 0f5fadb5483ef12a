import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judgeLate } from './judgeLate.ts';
import { judgeSilence } from './judgeSilence.ts';
import { paceOf, tightest } from './originLimits.ts';
import { outcomesOf } from './outcomesOf.ts';
import { slotHeldUntil } from './slotHeldUntil.ts';

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

describe('judgeLate', () => {
  const base = { grace: 60_000, lateAfterMs: 10_000, laterFireDue: false };
  it.each([
    ['on time', { ...base, misfire: 'none', lateMs: 10_000 }, 'run'],
    ['none', { ...base, misfire: 'none', lateMs: 10_001 }, 'misfire'],
    ['latest, the newest', { ...base, misfire: 'latest', lateMs: 20_000 }, 'run'],
    ['latest, a later one is due', { ...base, misfire: 'latest', lateMs: 20_000, laterFireDue: true }, 'coalesced'],
    ['all', { ...base, misfire: 'all', lateMs: 20_000, laterFireDue: true }, 'in turn'],
    ['beyond grace', { ...base, misfire: 'all', lateMs: 60_001 }, 'grace'],
  ] as const)('%s', (_name, input, expected) => {
    expect(judgeLate(input)).toBe(expected);
  });
});

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

describe('slotHeldUntil', () => {
  const [queuedAt, startedAt] = [new Date(1_000), new Date(2_000)];
  const lost = { class: 'lost', message: '' };
  it.each([
    ['succeeded: its report has come', { attempts: 2, state: 'succeeded', queuedAt, startedAt }, undefined],
    ['failed by a report', { attempts: 2, state: 'failed', queuedAt, startedAt, error: { class: 'network', message: '' } }, undefined],
    ['lost under way', { attempts: 2, state: 'failed', queuedAt, startedAt, error: lost }, 62_000],
    ['lost under way, with tries left', { attempts: 2, state: 'retrying', queuedAt, startedAt, error: lost }, 62_000],
    ['failed because its time was over while its next try lay in the queue', { attempts: 2, state: 'failed', reason: 'expired', queuedAt: new Date(3_000), startedAt }, 63_000],
    ['failed because its time was over while it waited for its next try', { attempts: 2, state: 'failed', reason: 'expired', queuedAt, startedAt }, undefined],
    ['cancelled under way', { attempts: 2, state: 'cancelled', queuedAt, startedAt }, 62_000],
    ['cancelled in the queue', { attempts: 2, state: 'cancelled', queuedAt }, 61_000],
    ['cancelled before it was queued', { attempts: 0, state: 'cancelled' }, undefined],
    ['cancelled, and the collector has said that it stopped', { attempts: 2, state: 'cancelled', queuedAt, startedAt, lastReport: { try: 2, at: new Date(3_000) } }, undefined],
    ['cancelled, and only the collector of an earlier try has said so', { attempts: 2, state: 'cancelled', queuedAt, startedAt, lastReport: { try: 1, at: new Date(3_000) } }, 62_000],
  ] as const)('%s', (_name, run, expected) => {
    expect(slotHeldUntil(run, 60_000)).toBe(expected);
  });
});

describe('paceOf', () => {
  it('never lets all slots together pass the limit in any minute, however requests fall', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 0, max: 500 }), (concurrency, perMinute, jitter) => {
      const { slots, spacing } = paceOf({ concurrency, perMinute });
      expect(slots).toBeLessThanOrEqual(concurrency);
      // Most requests that one slot fits into a minute that jitter has shortened the distances of.
      const inAMinute = Math.ceil((60_000 + jitter) / spacing);
      expect(slots * inAMinute).toBeLessThanOrEqual(perMinute);
    }));
  });
  it('asks for no distance where there is no limit per minute', () => {
    expect(paceOf({ concurrency: 7 })).toEqual({ slots: 7, spacing: 0 });
  });
  it('takes the tightest of all wishes', () => {
    expect(tightest([{ concurrency: 32 }, { perMinute: 60 }, { concurrency: 2, perMinute: 90 }])).toEqual({ concurrency: 2, perMinute: 60 });
  });
});
