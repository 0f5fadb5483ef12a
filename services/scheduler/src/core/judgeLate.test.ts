import { describe, expect, it } from '@jest/globals';
import { judgeLate } from './judgeLate.ts';

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
