import { describe, expect, it } from '@jest/globals';
import { createKeyframeCache } from './keyframeCache.ts';
import { StoredItem } from './storedItem.ts';

/** A block of one item that counts as `size` characters. */
const block = (key: string, size: number) => [new StoredItem(key, 'h', 'p', 'x'.repeat(size - 200 - key.length))];

describe('the cache of keyframes', () => {
  it('gives back what it was given, by epoch and first key', () => {
    const cache = createKeyframeCache();
    const items = block('a', 1_000);
    cache.keepBlock('E', 'a', items);
    cache.keepStarts('E', ['a']);
    expect(cache.block('E', 'a')).toBe(items);
    expect(cache.starts('E')).toEqual(['a']);
    expect([cache.block('F', 'a'), cache.block('E', 'b'), cache.starts('F')]).toEqual([undefined, undefined, undefined]);
  });

  it('keeps those used last, within its bounds', () => {
    const cache = createKeyframeCache({ maxBlockChars: 3_000, maxStarts: 5 });
    for (const key of ['a', 'b', 'c']) cache.keepBlock('E', key, block(key, 1_000));
    expect(cache.block('E', 'a')).toBeDefined(); // used: b is the oldest now
    cache.keepBlock('E', 'd', block('d', 1_000));
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.block('E', key))).toEqual(['a', 'c', 'd']);
    cache.keepBlock('E', 'a', block('a', 2_000)); // again, and larger: c goes, nothing is counted twice
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.block('E', key))).toEqual(['a', 'd']);
    cache.keepBlock('E', 'e', block('e', 3_001));
    expect(['a', 'd', 'e'].filter((key) => cache.block('E', key))).toEqual(['a', 'd']);
    cache.keepStarts('E', ['a', 'b']);
    cache.keepStarts('F', ['a', 'b']);
    expect([cache.starts('E'), cache.starts('F')]).toEqual([undefined, ['a', 'b']]);
  });
});
