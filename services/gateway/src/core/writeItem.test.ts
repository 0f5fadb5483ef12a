import { describe, expect, it } from '@jest/globals';
import { BSON } from '@gleaner/database';
import fc from 'fast-check';
import { fieldTree } from './fieldTree.ts';
import { JsonWriter } from './jsonWriter.ts';
import { stringifyValue } from './stringifyValue.ts';
import { writeItem, type WritableItem } from './writeItem.ts';

const [key, since] = ['k "1"', '2026-11-20T05:00:00.000Z|job@1'];
const written = (item: WritableItem, fields?: Parameters<typeof writeItem>[2]): string => {
  const out = new JsonWriter();
  writeItem(out, item, fields);
  return out.bytes().toString();
};

/** What a collector may send: names and values of JSON, whole numbers that a double holds. */
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, fc.string(), fc.boolean(), fc.constant(null), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom('a', 'b', 'c d', 'é'), tie('value'), { maxKeys: 3 })),
})).value;
const data = fc.dictionary(fc.constantFrom('a', 'b', 'price', 'tags', 'Name'), value, { maxKeys: 4 });

describe('an item is written alike', () => {
  it('from stored text, stored bytes, an object, and a whole stored document, with and without fields', () => {
    fc.assert(fc.property(data, fc.option(fc.subarray(['a', 'b.a', 'price', 'tags', 'b']), { nil: undefined }), (of, paths) => {
      const fields = paths && fieldTree(paths);
      const stored = Buffer.from(BSON.serialize({ _id: 'x', key, hash: 'h', since, data: of }));
      const forms: WritableItem[] = [{ key, since, data: of }, { key, since, data: of, json: stringifyValue(of) }, { key, since, data: of, bson: Buffer.from(BSON.serialize(of)) }, { bson: stored, at: 0 }];
      const [first, ...others] = forms.map((item) => written(item, fields));
      for (const other of others) expect(other).toBe(first);
      expect(JSON.parse(first ?? '')).toMatchObject({ key, since: '2026-11-20T05:00:00.000Z' });
    }), { numRuns: 500 });
  });

  it('from text and bytes without an object being made of them', () => {
    const stored = (as: { json: string } | { bson: Buffer }): WritableItem => ({ key, since, get data(): unknown { throw new Error('asked for'); }, ...as });
    const text = '{"key":"k \\"1\\"","data":{"a":1},"since":"2026-11-20T05:00:00.000Z"}';
    expect(written(stored({ json: '{"a":1}' }))).toBe(text);
    expect(written(stored({ bson: Buffer.from(BSON.serialize({ a: 1 })) }))).toBe(text);
  });
});
