import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareKeys } from './historyIds.ts';
import { packKeyframe, packKeys, sortByKey, unpackBlock, unpackKeys } from './keyframe.ts';
import type { StateItem } from './storedItem.ts';

const keys = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter((key) => key.isWellFormed()), { maxLength: 60 });

describe('a keyframe', () => {
  it('gives back every item, in the order of the keys\' bytes', () => fc.assert(fc.asyncProperty(keys, fc.array(fc.json({ maxDepth: 3 }), { minLength: 1 }), async (names, values) => {
    const items: StateItem[] = names.map((key, index) => ({ key, hash: `h${index}`, since: `p${index % 3}`, data: JSON.parse(values[index % values.length] ?? 'null') as unknown }));
    const unpacked = (await Promise.all((await packKeyframe(items)).map(({ packed }) => unpackBlock(packed)))).flat();
    expect(unpacked.map(({ key, hash, since, data }) => ({ key, hash, since, data }))).toEqual(items.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))));
  }), { numRuns: 200 }));

  it('is cut into blocks by count and by size', async () => {
    const many = Array.from({ length: 1_201 }, (_, index) => ({ key: String(index).padStart(5, '0'), hash: 'h', since: 'p', data: {} }));
    expect((await packKeyframe(many)).map(({ first, n }) => [first, n])).toEqual([['00000', 500], ['00500', 500], ['01000', 201]]);
    const large = Array.from({ length: 3 }, (_, index) => ({ key: String(index), hash: 'h', since: 'p', data: { text: 'x'.repeat(1_100_000) } }));
    expect((await packKeyframe(large)).map(({ n }) => n)).toEqual([1, 1, 1]);
    expect(await packKeyframe([])).toEqual([]);
  });

  it('keeps the sign of zero, wherever it stands', async () => {
    const data: unknown = JSON.parse('{"a":-0,"b":[0,{"__proto__":-0,"d":[-0.0]}],"e":"-0"}');
    const [block] = await packKeyframe([{ key: 'k', hash: 'h', since: 'p', data }]);
    const [item] = await unpackBlock(block?.packed ?? Buffer.alloc(0));
    expect(item?.data).toEqual(data); // toEqual tells -0 from 0
  });

  it('keeps names that objects treat specially', async () => {
    const data: unknown = JSON.parse('{"__proto__":{"x":1},"constructor":2,"$set":3,"a.b":4,"":5}');
    const [block] = await packKeyframe([{ key: 'k', hash: 'h', since: 'p', data }]);
    const [item] = await unpackBlock(block?.packed ?? Buffer.alloc(0));
    expect(JSON.stringify(item?.data)).toBe(JSON.stringify(data));
  });
});

it('orders keys as their UTF-8 bytes are ordered', () => fc.assert(fc.property(keys, (names) => {
  const expected = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(names.toSorted(compareKeys)).toEqual(expected);
  expect(sortByKey(names.map((key) => ({ key }))).map(({ key }) => key)).toEqual(expected);
})));

it('packs sets of keys', async () => {
  expect(await unpackKeys(await packKeys(['a', 'b', 'ü']))).toEqual(['a', 'b', 'ü']);
});
