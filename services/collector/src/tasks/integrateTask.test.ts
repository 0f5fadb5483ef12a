import { describe, expect, it } from '@jest/globals';
import { integrateTask } from './integrateTask.ts';

const square = { a: 0, b: 1, c: 0, d: 1, size: 100 };

describe('integrate', () => {
  it.each([
    ['x*y', square, 0.25],
    ['1', { ...square, b: 2, d: 3 }, 6],
    ['sin(x) * cos(y)', { a: 0, b: Math.PI, c: 0, d: Math.PI / 2, size: 400 }, 2],
    ['x^2 + y^2', square, 2 / 3],
    ['x > y ? 1 : (x == y ? 0.5 : 0)', square, 0.5],
    ['x*y', { a: '0', b: '1', c: '0', d: '1', size: '10' }, 0.25],
    ['x', { ...square, a: 1, b: 0 }, -0.5],
  ])('%s', (f, bounds, value) => {
    expect(integrateTask({ f, ...bounds }).value).toBeCloseTo(value, 3);
  });

  it.each([
    [{ ...square }, /formula/], [{ f: 'x*', ...square }, /formula/], [{ f: 'z', ...square }, /only x, y/], [{ f: 'import("fs")', ...square }, /arithmetic|known function/],
    [{ f: 'eval("1")', ...square }, /known function/], [{ f: 'x.constructor', ...square }, /arithmetic/], [{ f: 'cos.constructor("return process")()', ...square }, /expected/], [{ f: 'f(x)=x', ...square }, /arithmetic/],
    [{ f: '[1,2][1]', ...square }, /arithmetic/], [{ f: '"x"', ...square }, /number/], [{ f: '1/x', ...square, a: 0, b: 0, size: 1 }, /finite/],
    [{ f: 'x', ...square, size: 0 }, /size/], [{ f: 'x', ...square, size: 1e9 }, /size/], [{ f: 'x', ...square, a: 'b' }, /number as a/], [{ f: 'x', a: 0, b: 1, c: 0, size: 5 }, /number as d/],
  ])('refuses %j', (params, message) => {
    expect(() => integrateTask(params)).toThrow(expect.objectContaining({ class: 'task_error', message: expect.stringMatching(message) }));
  });
});
