import { describe, expect, it } from '@jest/globals';
import { shown, table } from './table.ts';

describe('table', () => {
  it('aligns columns by what is seen, cuts what is long, and lets no control character through', () => {
    expect(table(['A', 'B'], [['é', 1], ['long', undefined], ['\u001b[31m', { a: 1 }]])).toBe('A       B\né       1\nlong\n·[31m   {"a":1}\n'.replace('A       B', 'A      B').replaceAll('é       1', 'é      1').replaceAll('·[31m   ', '·[31m  '));
    expect(table(['A'], [['x'.repeat(100)]], { maxWidth: 5 })).toBe('A\nxxxx…\n');
    expect(shown('a\nb\tc')).toBe('a⏎b c');
    expect([shown(-0), shown({ a: [-0], b: undefined, at: new Date(0) })]).toEqual(['-0', '{"a":[-0],"at":"1970-01-01T00:00:00.000Z"}']);
  });
});
