import { describe, expect, it } from '@jest/globals';
import { dataFilter } from './dataFilter.ts';
import { validateWhere } from './validateWhere.ts';

describe('validateWhere', () => {
  it.each<[unknown]>([
    [{}], [{ a: 1 }], [{ 'a.b.0': null }], [{ a: { b: 1 } }], [{ a: { $gt: 1, $lte: 5 } }], [{ a: { $in: [1, 'x', null] } }], [{ a: { $not: { $regex: '^x', $options: 'i' } } }],
    [{ $and: [{ a: 1 }, { $or: [{ b: 2 }, { $nor: [{ c: 3 }] }] }] }], [{ a: { $elemMatch: { b: { $gt: 1 } } } }], [{ a: { $elemMatch: { $gt: 1 } } }], [{ a: { $elemMatch: { $or: [{ b: 1 }] } } }], [{ a: { $size: 2, $all: [1, 2], $exists: true } }], [{ $comment: 'why' }],
  ])('takes %j', (where) => {
    expect(validateWhere(where)).toEqual([]);
  });
  it.each<[unknown, string, string]>([
    [[], 'where', 'bad_where'], ['x', 'where', 'bad_where'], [{ $where: 'x' }, 'where.$where', 'unknown_operator'], [{ $expr: {} }, 'where.$expr', 'unknown_operator'], [{ a: { $function: {} } }, 'where.a.$function', 'unknown_operator'],
    [{ a: { $gt: 1, b: 2 } }, 'where.a.b', 'mixed'], [{ $or: [] }, 'where.$or', 'bad_operand'], [{ $or: [{ $x: 1 }] }, 'where.$or.0.$x', 'unknown_operator'], [{ a: { $in: 1 } }, 'where.a.$in', 'bad_operand'], [{ a: { $in: [{ $gt: 1 }] } }, 'where.a.$in', 'bad_operand'],
    [{ a: { $regex: '(' } }, 'where.a.$regex', 'bad_operand'], [{ a: { $options: 'i' } }, 'where.a.$options', 'bad_operand'], [{ a: { $regex: 'x', $options: 'g' } }, 'where.a.$options', 'bad_operand'], [{ a: { $not: 5 } }, 'where.a.$not', 'bad_operand'],
    [{ a: { $elemMatch: { $gt: 1, $x: 2 } } }, 'where.a.$elemMatch.$x', 'unknown_operator'], [{ a: { $size: -1 } }, 'where.a.$size', 'bad_operand'], [{ a: { $exists: 1 } }, 'where.a.$exists', 'bad_operand'], [{ '': 1 }, 'where.', 'bad_path'], [{ 'a..b': 1 }, 'where.a..b', 'bad_path'],
  ])('refuses %j', (where, path, code) => {
    expect(validateWhere(where)).toEqual([expect.objectContaining({ path, code })]);
  });
  it('tells all faults, and does not follow queries without end', () => {
    expect(validateWhere({ $x: 1, a: { $y: 1 }, b: { $in: 1 } })).toHaveLength(3);
    let deep: Record<string, unknown> = { a: 1 };
    for (let depth = 0; depth < 50; depth += 1) deep = { $and: [deep] };
    expect(validateWhere(deep)).toEqual([expect.objectContaining({ code: 'too_deep' })]);
  });
});

describe('dataFilter', () => {
  it('puts every path under data, and compares values as values', () => {
    expect(dataFilter({ a: 1, 'b.c': { $gt: 2 }, d: { x: 1 }, $or: [{ e: null }, { $and: [{ f: [1] }] }], g: { $elemMatch: { h: 1 } }, $comment: 'x' })).toEqual({
      'data.a': { $eq: 1 }, 'data.b.c': { $gt: 2 }, 'data.d': { $eq: { x: 1 } }, $or: [{ 'data.e': { $eq: null } }, { $and: [{ 'data.f': { $eq: [1] } }] }], 'data.g': { $elemMatch: { h: 1 } },
    });
  });
});
