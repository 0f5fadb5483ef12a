import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MongoClient } from 'mongodb';
import { withMongo } from '../../../test/support/withMongo.ts';
import { compileWhere, whereFaults } from './compileWhere.ts';

const matching = (documents: readonly object[], query: object): number[] => {
  const compiled = compileWhere(query);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return documents.flatMap((document, index) => (compiled.test(document) ? [index] : []));
};

describe('where', () => {
  const documents = [
    { a: 1, b: { c: 5 }, t: 'Apple' },
    { a: [1, 2, 3], b: [{ c: 1 }, { c: 9 }], t: null },
    { a: '1', b: { c: [5, 6] } },
    { a: null, d: [] },
    {},
    { a: { x: 1 }, e: [[1, 2]], 'dotted.name': 1, __proto__: { a: 1 } },
  ];

  it.each<[object, number[]]>([
    [{ a: 1 }, [0, 1]],
    [{ a: { $ne: 1 } }, [2, 3, 4, 5]],
    [{ a: null }, [3, 4]],
    [{ a: { $exists: true } }, [0, 1, 2, 3, 5]],
    [{ a: { $exists: false } }, [4]],
    [{ a: { $gt: 2 } }, [1]],
    [{ 'b.c': { $lte: 5 } }, [0, 1, 2]],
    [{ 'b.0.c': 1 }, [1]],
    [{ a: { $in: [2, '1'] } }, [1, 2]],
    [{ a: { $nin: [1, null] } }, [2, 5]],
    [{ t: { $regex: '^app', $options: 'i' } }, [0]],
    [{ a: { $size: 3 } }, [1]],
    [{ a: { $all: [1, 3] } }, [1]],
    [{ b: { $elemMatch: { c: { $gt: 5 } } } }, [1]],
    [{ a: { $elemMatch: { $gt: 1, $lt: 3 } } }, [1]],
    [{ $or: [{ a: '1' }, { t: 'Apple' }] }, [0, 2]],
    [{ $nor: [{ a: 1 }, { a: null }] }, [2, 5]],
    [{ a: { $not: { $gt: 0 } } }, [2, 3, 4, 5]],
    [{ a: { x: 1 } }, [5]],
    [{}, [0, 1, 2, 3, 4, 5]],
    [{ a: { $gt: 1, $lt: 2 } }, [1]],
  ])('%j', (query, expected) => {
    expect(matching(documents, query)).toEqual(expected);
  });

  it('says whether a regular expression may run', () => {
    const hasRegex = (query: object): unknown => (compileWhere(query) as { readonly hasRegex?: boolean }).hasRegex;
    expect(hasRegex({ a: { $in: ['$regex'] }, b: '$regex' })).toBe(false);
    for (const query of [{ a: { $regex: 'x' } }, { $or: [{ a: 1 }, { b: { $not: { $regex: 'x' } } }] }, { a: { $elemMatch: { b: { $regex: 'x' } } } }, { a: { $all: [{ $elemMatch: { $regex: 'x' } }] } }]) expect(hasRegex(query)).toBe(true);
  });

  it('looks up $in in a set: once compiled, the list is read no more, however long', () => {
    let reads = 0;
    const values = new Proxy(Array.from({ length: 10_000 }, (_value, index) => index), { get: (list, name, self) => ((reads += 1), Reflect.get(list, name, self) as unknown) });
    const compiled = compileWhere({ a: { $in: values } });
    expect(reads).toBeGreaterThan(10_000);
    reads = 0;
    expect([9_999, -1, [3, -1], null].map((a) => compiled.ok && compiled.test({ a }))).toEqual([true, false, true, false]);
    expect(reads).toBe(0);
  });

  it('finds what MongoDB finds: 300 random queries over the same documents', async () => {
    const scalar = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.constantFrom(0.5, -0, 'a', 'b', 'ab', '', 'B', '\u{1F600}', '\uFF5E'), fc.boolean(), fc.constant(null));
    const name = fc.constantFrom('a', 'b', 'c', '0');
    const value = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true })),
    })).value;
    const document = fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'));
    const operand = fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.dictionary(fc.constantFrom('a', 'b', 'c'), scalar, { maxKeys: 2, noNullPrototype: true }));
    const operator = fc.letrec<{ operator: Record<string, unknown> }>((tie) => ({
      operator: fc.oneof(
        { depthSize: 'small' },
        fc.tuple(fc.constantFrom('$eq', '$ne', '$gt', '$gte', '$lt', '$lte'), operand).map(([op, part]) => ({ [op]: part })),
        fc.tuple(fc.constantFrom('$in', '$nin'), fc.array(operand, { maxLength: 3 })).map(([op, part]) => ({ [op]: part })),
        fc.array(scalar, { maxLength: 2 }).map((part) => ({ $all: part })),
        fc.boolean().map((part) => ({ $exists: part })),
        fc.integer({ min: 0, max: 2 }).map((part) => ({ $size: part })),
        fc.constantFrom('a', '^b', 'B$', '').map((part) => ({ $regex: part })),
        fc.constantFrom('^b').map((part) => ({ $regex: part, $options: 'i' })),
        tie('operator').map((inner) => ({ $not: inner })),
        tie('operator').map((inner) => ({ $elemMatch: inner })),
        fc.tuple(path, operand).map(([at, part]) => ({ $elemMatch: { [at]: part } })),
        fc.tuple(operand, operand).map(([low, high]) => ({ $gte: low, $lt: high })),
      ) as fc.Arbitrary<Record<string, unknown>>,
    })).operator;
    const condition = fc.tuple(path, fc.oneof(operand, operator)).map(([at, part]) => ({ [at]: part }));
    const query = fc.letrec<{ query: Record<string, unknown> }>((tie) => ({
      query: fc.oneof({ depthSize: 'small' }, condition, fc.tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('query'), { minLength: 1, maxLength: 3 })).map(([op, parts]) => ({ [op]: parts }))) as fc.Arbitrary<Record<string, unknown>>,
    })).query;

    const documents = fc.sample(document, { numRuns: 200, seed: 8 });
    const queries = fc.sample(query, { numRuns: 300, seed: 12 });
    await withMongo(async ({ url }) => {
      const client = new MongoClient(url);
      try {
        const collection = client.db().collection<{ _id: number; d: unknown }>('documents');
        const raw = collection as unknown as { insertMany(documents: object[]): Promise<unknown>; find(query: object): { sort(order: object): { toArray(): Promise<{ _id: number }[]> } } };
        await raw.insertMany(documents.map((data, _id) => ({ ...data, _id })));
        const disagreements: string[] = [];
        let asked = 0;
        let matched = 0;
        for (const one of queries) {
          const theirs = await raw.find(one).sort({ _id: 1 }).toArray().then((rows) => rows.map(({ _id }) => _id), (error: unknown) => error as Error);
          if (theirs instanceof Error) continue; // MongoDB refuses some combinations; they are counted below
          asked += 1;
          matched += theirs.length;
          const ours = matching(documents, one);
          for (const index of new Set([...ours, ...theirs])) {
            if (ours.includes(index) !== theirs.includes(index) && disagreements.length < 20) disagreements.push(`${JSON.stringify(one)} over ${JSON.stringify(documents[index])}: ${theirs.includes(index) ? 'only MongoDB' : 'only we'}`);
          }
        }
        expect(disagreements).toEqual([]);
        expect(asked).toBeGreaterThan(250);
        expect(matched).toBeGreaterThan(1_000);
      } finally {
        await client.close();
      }
    });
  });
});

describe('what is wrong with a where', () => {
  it.each<[unknown]>([
    [{}], [{ a: 1 }], [{ 'a.b.0': null }], [{ a: { b: 1 } }], [{ a: { $gt: 1, $lte: 5 } }], [{ a: { $in: [1, 'x', null] } }], [{ a: { $not: { $regex: '^x', $options: 'i' } } }],
    [{ $and: [{ a: 1 }, { $or: [{ b: 2 }, { $nor: [{ c: 3 }] }] }] }], [{ a: { $elemMatch: { b: { $gt: 1 } } } }], [{ a: { $elemMatch: { $gt: 1 } } }], [{ a: { $elemMatch: { $or: [{ b: 1 }] } } }], [{ a: { $size: 2, $all: [1, 2], $exists: true } }], [{ $comment: 'why' }],
  ])('takes %j', (where) => {
    expect(whereFaults(where)).toEqual([]);
  });
  it.each<[unknown, string, string]>([
    [[], 'where', 'bad_where'], ['x', 'where', 'bad_where'], [{ $where: 'x' }, 'where.$where', 'unknown_operator'], [{ $expr: {} }, 'where.$expr', 'unknown_operator'], [{ a: { $function: {} } }, 'where.a.$function', 'unknown_operator'],
    [{ a: { $gt: 1, b: 2 } }, 'where.a.b', 'mixed'], [{ $or: [] }, 'where.$or', 'bad_operand'], [{ $or: [{ $x: 1 }] }, 'where.$or.0.$x', 'unknown_operator'], [{ a: { $in: 1 } }, 'where.a.$in', 'bad_operand'], [{ a: { $in: [{ $gt: 1 }] } }, 'where.a.$in', 'bad_operand'],
    [{ a: { $regex: '(' } }, 'where.a.$regex', 'bad_operand'], [{ a: { $options: 'i' } }, 'where.a.$options', 'bad_operand'], [{ a: { $regex: 'x', $options: 'g' } }, 'where.a.$options', 'bad_operand'], [{ a: { $not: 5 } }, 'where.a.$not', 'bad_operand'],
    [{ a: { $elemMatch: { $gt: 1, $x: 2 } } }, 'where.a.$elemMatch.$x', 'unknown_operator'], [{ a: { $size: -1 } }, 'where.a.$size', 'bad_operand'], [{ a: { $exists: 1 } }, 'where.a.$exists', 'bad_operand'], [{ '': 1 }, 'where.', 'bad_path'], [{ 'a..b': 1 }, 'where.a..b', 'bad_path'],
  ])('refuses %j', (where, path, code) => {
    expect(whereFaults(where)).toEqual([expect.objectContaining({ path, code })]);
  });
  it('tells all faults, and does not follow queries without end', () => {
    expect(whereFaults({ $x: 1, a: { $y: 1 }, b: { $in: 1 } })).toHaveLength(3);
    let deep: Record<string, unknown> = { a: 1 };
    for (let depth = 0; depth < 50; depth += 1) deep = { $and: [deep] };
    expect(whereFaults(deep)).toEqual([expect.objectContaining({ code: 'too_deep' })]);
  });
});
