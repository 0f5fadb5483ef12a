import { describe, expect, it } from '@jest/globals';
import { dataFilter } from './dataFilter.ts';

describe('dataFilter', () => {
  it('puts every path under data, and compares values as values', () => {
    expect(dataFilter({ a: 1, 'b.c': { $gt: 2 }, d: { x: 1 }, $or: [{ e: null }, { $and: [{ f: [1] }] }], g: { $elemMatch: { h: 1 } }, $comment: 'x' })).toEqual({
      'data.a': { $eq: 1 }, 'data.b.c': { $gt: 2 }, 'data.d': { $eq: { x: 1 } }, $or: [{ 'data.e': { $eq: null } }, { $and: [{ 'data.f': { $eq: [1] } }] }], 'data.g': { $elemMatch: { h: 1 } },
    });
  });
});
