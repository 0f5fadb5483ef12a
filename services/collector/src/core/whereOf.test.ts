import { describe, expect, it } from '@jest/globals';
import { whereOf } from './whereOf.ts';

describe('a job\'s where', () => {
  const query = { Id: { $in: Array.from({ length: 10_000 }, (_value, index) => index) }, name: { $regex: '^a' } };

  it('is compiled once for all runs of a job version', () => {
    const first = whereOf(query);
    expect(whereOf(structuredClone(query))).toBe(first);
    expect(first).toMatchObject({ hasRegex: true });
    expect([{ Id: 5, name: 'ab' }, { Id: 5, name: 'b' }, { Id: -1, name: 'ab' }].map(first.test)).toEqual([true, false, false]);
    expect(whereOf({ ...query, name: 'a' })).not.toBe(first);
  });

  it('is let go where many others were used since', () => {
    const first = whereOf(structuredClone(query));
    for (let index = 0; index < 100; index += 1) whereOf({ ...query, index });
    expect(whereOf(structuredClone(query))).not.toBe(first);
  });

  it('ends an attempt as bad_template where it cannot be used', () => {
    expect(() => whereOf({ a: { $near: 1 } })).toThrow(expect.objectContaining({ class: 'bad_template', message: expect.stringContaining('where.a.$near') }));
  });
});
