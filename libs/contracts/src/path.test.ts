import { expect, it } from '@jest/globals';
import { compilePath, parsePath, readPath } from './path.ts';

const data = { a: [{ b: 1 }, { b: 2 }], 'a.b': 3, 'c\\': { d: 4 }, '': { '': 5 }, n: 'text' };

it.each<[string, unknown]>([
  ['$', data],
  ['', data],
  ['a.1', { b: 2 }],
  ['a.1.b', 2],
  ['a.length', undefined],
  ['a.01', { b: 2 }],
  ['a.-1', undefined],
  ['a\\.b', 3],
  ['c\\\\.d', 4],
  ['n.length', undefined],
  ['constructor', undefined],
  ['a.0.__proto__', undefined],
  ['a.2.b', undefined],
])('%s leads to one and the same wherever a path may stand', (text, found) => {
  expect(readPath(data, parsePath(text))).toEqual(found);
  expect(compilePath(parsePath(text))(data)).toEqual(found);
});
