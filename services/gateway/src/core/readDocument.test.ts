import { describe, expect, it } from '@jest/globals';
import { readJson, readYaml } from './readDocument.ts';

describe('readJson and readYaml', () => {
  it('take whole numbers that a double holds, and refuse others with their place', () => {
    for (const text of ['9007199254740991', '1e300', '100000000000000000000', '0.1', '-5']) expect([readJson(`{"a":${text}}`).ok, readYaml(`a: ${text}`).ok]).toEqual([true, true]);
    expect(readJson('{"a":[9007199254740993]}')).toEqual({ ok: false, faults: [expect.objectContaining({ code: 'inexact_number' })] });
    expect(readYaml('a: {b: [1, 9007199254740993]}')).toEqual({ ok: false, faults: [expect.objectContaining({ path: 'a.b.1', code: 'inexact_number' })] });
  });
  it('read YAML 1.2: no is a text, and dates are texts', () => {
    expect(readYaml('a: no\nb: 2026-01-01\nc: 012')).toEqual({ ok: true, value: { a: 'no', b: '2026-01-01', c: 12 } });
  });
  it('let no name become a prototype', () => {
    for (const read of [readJson('{"__proto__":{"x":1}}'), readYaml('__proto__: {x: 1}')]) {
      expect(read.ok && Object.keys(read.value as object)).toEqual(['__proto__']);
      expect((read as { value: { x?: number } }).value.x).toBeUndefined();
    }
  });
});
