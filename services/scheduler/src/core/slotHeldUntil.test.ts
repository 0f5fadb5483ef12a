import { describe, expect, it } from '@jest/globals';
import { slotHeldUntil } from './slotHeldUntil.ts';

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
