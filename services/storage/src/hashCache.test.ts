import { describe, expect, it } from '@jest/globals';
import type { ApplyPlan } from './core/applyPlan.ts';
import { createHashCache, type HashBase } from './hashCache.ts';

const hashes = (count: number, from = 0) => new Map(Array.from({ length: count }, (_, index) => [`k${from + index}`, { hash: 'h', since: 'p' }]));
const base = (rev: number): HashBase => ({ rev });
const plan = (changes: Readonly<Record<string, string | null>>): ApplyPlan => ({
  newest: true, counts: { added: 0, changed: 0, removed: 0, total: 0 }, generation: false, entries: [], drops: [], itemSince: [], rows: new Map(),
  items: new Map(Object.entries(changes).map(([key, hash]) => [key, { hash, since: 'q' }])),
});

describe('the cache of hashes', () => {
  it('answers for the rev alone that it was made from', () => {
    const cache = createHashCache({ limit: 10 });
    cache.put('D', base(3), hashes(2));
    expect([cache.get('D', 2), cache.get('D', 4), cache.get('E', 3)]).toEqual([undefined, undefined, undefined]);
    expect(cache.get('D', 3)?.size).toBe(2);
  });

  it('moves on with a write from its own rev, and with no other', () => {
    const cache = createHashCache({ limit: 10 });
    cache.put('D', base(3), hashes(2));
    cache.advance('D', 2, base(3), plan({ k0: 'wrong' })); // of a write that began before these hashes were read
    expect(cache.get('D', 3)?.get('k0')?.hash).toBe('h');
    cache.advance('D', 3, base(4), plan({ k0: 'new', k1: null, k9: 'added' }));
    expect(cache.get('D', 3)).toBeUndefined();
    expect([...(cache.get('D', 4) ?? [])].map(([key, { hash }]) => `${key} ${hash}`)).toEqual(['k0 new', 'k9 added']);
    cache.advance('D', 4, base(5)); // a write that changed no item
    expect(cache.get('D', 5)?.size).toBe(2);
  });

  it('holds no more than its limit: what was used longest ago goes first, and what is larger alone is never held', () => {
    const cache = createHashCache({ limit: 10 });
    for (const dataset of ['A', 'B', 'C']) cache.put(dataset, base(1), hashes(3));
    expect(cache.size).toBe(9);
    cache.get('A', 1);
    cache.put('D', base(1), hashes(4));
    expect(['A', 'B', 'C', 'D'].filter((dataset) => cache.get(dataset, 1))).toEqual(['A', 'C', 'D']);
    expect(cache.size).toBe(10);
    cache.advance('D', 1, base(2), plan({ more: 'h' })); // it grew: A was used longest ago
    expect(['A', 'C'].filter((dataset) => cache.get(dataset, 1))).toEqual(['C']);
    expect(cache.size).toBe(8);
    cache.put('C', base(2), hashes(11));
    expect([cache.get('C', 1), cache.get('C', 2), cache.size]).toEqual([undefined, undefined, 5]);
  });

  it('gives out what it holds of any rev, once', () => {
    const cache = createHashCache({ limit: 10 });
    cache.put('D', base(3), hashes(2));
    expect(cache.take('D')).toMatchObject({ base: { rev: 3 } });
    expect([cache.take('D'), cache.size]).toEqual([undefined, 0]);
  });
});
