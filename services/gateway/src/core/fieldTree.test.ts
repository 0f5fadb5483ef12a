import { describe, expect, it } from '@jest/globals';
import { BSON } from '@gleaner/database';
import fc from 'fast-check';
import { fieldTree, pickFields } from './fieldTree.ts';
import { JsonWriter } from './jsonWriter.ts';
import { writeBson } from './writeBson.ts';

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('fieldTree', () => {
  it.each<[string[], unknown]>([
    [['a', 'b.c', 'b.d'], { a: true, b: { c: true, d: true } }],
    [['b', 'b.c'], { b: true }],
    [['b.c', 'b'], { b: true }],
    [['a\\.b.c'], { 'a.b': { c: true } }],
    [['a\\\\.b'], { 'a\\': { b: true } }],
  ])('makes %j', (paths, tree) => {
    expect(plain(fieldTree(paths))).toEqual(tree);
  });
  it('takes all of it where the whole is asked for', () => expect(fieldTree(['a', '$'])).toBeUndefined());
  it('takes names that objects inherit as names', () => {
    expect(pickFields(JSON.parse('{"__proto__":{"x":1},"constructor":2,"y":3}'), fieldTree(['__proto__.x', 'constructor', 'toString'])!)).toEqual(JSON.parse('{"__proto__":{"x":1},"constructor":2}'));
  });
  it('picks of objects what the writer picks of bytes', () => {
    const { document } = fc.letrec<{ value: unknown; document: Record<string, unknown> }>((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.string(), fc.constant(null), fc.array(tie('value'), { maxLength: 4 }), tie('document')),
      document: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
    }));
    const paths = fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((names) => names.join('.')), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(document, paths, (value, wanted) => {
      const out = new JsonWriter();
      writeBson(out, Buffer.from(BSON.serialize(value)), 0, fieldTree(wanted));
      expect(JSON.parse(out.bytes().toString())).toEqual(pickFields(value, fieldTree(wanted)!));
    }), { numRuns: 500 });
  });
});
