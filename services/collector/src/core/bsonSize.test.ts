import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { bsonSize } from './bsonSize.ts';

describe('the size of an item as BSON', () => {
  it('is what the driver makes of it, doubles for all numbers', () => {
    const value = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, fc.double({ noNaN: true, noInteger: true }), fc.boolean(), fc.constant(null), fc.string({ unit: 'grapheme' }), fc.array(tie('value'), { maxLength: 12 }), fc.dictionary(fc.string({ unit: 'grapheme' }).filter((name) => !name.includes('\0')), tie('value'), { noNullPrototype: true })),
    })).value;
    fc.assert(fc.property(fc.dictionary(fc.constantFrom('a', 'é', 'long name'), value, { noNullPrototype: true }), (data) => {
      expect(bsonSize(data)).toBe(BSON.calculateObjectSize(data));
    }), { numRuns: 300 });
  });
});
