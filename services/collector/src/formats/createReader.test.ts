import type { Extraction, Format } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createReader } from './createReader.ts';

type Cell = readonly [name: string, value: string];
/** A record as upstream has it: names once each, and texts; a value of `numbers` is written without quotes where the format knows numbers. */
type Row = readonly Cell[];

const numbers = ['0', '-0', '0.1', '1.50', '1e400', '6.02e23', '9007199254740992', '9007199254740993', '9007199254740993.0', '-9007199254740993.000', '9007199254740992.0', '12345678901234567890', '1e-400'];
/** Kept as they are written, because a double would lose a digit. */
const asText: ReadonlySet<string> = new Set(['1e400', '9007199254740993', '9007199254740993.0', '-9007199254740993.000', '12345678901234567890', '1e-400']);
const name = fc.oneof(fc.constantFrom('id', 'constructor', '__proto__', 'toString', 'a.b', '_'), fc.string({ unit: fc.constantFrom('a', 'Z', 'ж', '9', '.', '_', '-'), minLength: 1, maxLength: 5 }).map((text) => `n${text}`));
const text = fc.string({ unit: fc.oneof(fc.constantFrom('"', ',', ';', '\t', '\n', '\r\n', '<', '&', ']]>', "'", '\uFFFD', ' '), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })), maxLength: 8 }).map((value) => value.replaceAll(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '').trim());
const rows = fc.uniqueArray(name, { minLength: 2, maxLength: 5 }).chain((names) => fc.array(fc.tuple(...names.map((one) => fc.tuple(fc.constant(one), fc.oneof(text, fc.constantFrom(...numbers))))), { minLength: 1, maxLength: 5 }));

const quoted = (value: string): string => (/[",;\t\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const table = (delimiter: string) => (list: readonly Row[]): string => [list[0]?.map(([one]) => one) ?? [], ...list.map((row) => row.map(([, value]) => value))].map((cells) => cells.map(quoted).join(delimiter)).join('\r\n');
const escaped = (value: string): string => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll('\r', '&#13;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
const object = (row: Row): string => `{${row.map(([one, value]) => `${JSON.stringify(one)}:${numbers.includes(value) ? value : JSON.stringify(value)}`).join(',')}}`;

const bodies: readonly (readonly [string, Format, (list: readonly Row[]) => string, Partial<Extraction>])[] = [
  ['json', 'json', (list) => `{"list":[${list.map(object).join(' , ')}]}`, { items: 'list' }],
  ['ndjson', 'ndjson', (list) => list.map(object).join('\n'), {}],
  ['csv', 'csv', table(','), {}],
  ['tsv', 'tsv', table('\t'), {}],
  ['xml', 'xml', (list) => `<r>${list.map((row) => `<i>${row.map(([one, value]) => `<${one}>${escaped(value)}</${one}>`).join('')}</i>`).join('\n')}</r>`, { items: 'r.i' }],
  ['xml, attributes', 'xml', (list) => `<r>${list.map((row) => `<i ${row.map(([one, value]) => `${one}="${escaped(value)}"`).join(' ')}/>`).join('')}</r>`, { items: 'r.i' }],
];

describe('what a format reads', () => {
  it.each(bodies)('is to the digit and the letter what was written, in whatever parts it comes: %s', (kind, format, write, extraction) => {
    const withNumbers = format === 'json' || format === 'ndjson';
    const before = kind === 'xml, attributes' ? '@' : '';
    const kept = (value: string): unknown => (withNumbers && numbers.includes(value) && !asText.has(value) ? Number(value) : value);
    fc.assert(fc.property(rows, fc.integer({ min: 1, max: 9 }), (list, size) => {
      const found: unknown[] = [];
      const reader = createReader({ format, extraction: { partial: false, format, ...extraction } as Extraction, onFound: ({ value }) => found.push(value) });
      const body = write(list);
      const bytes = Buffer.from(body);
      if (reader.takes === 'bytes') for (let at = 0; at < bytes.length; at += size) reader.write(bytes.subarray(at, at + size));
      else for (let at = 0; at < body.length; at += size) reader.write(body.slice(at, at + size));
      // While the body streams by; only the last one may wait for the end.
      expect(found.length).toBeGreaterThanOrEqual(list.length - 1);
      reader.end();
      // As lists of own properties: `__proto__` is one, and -0 is not 0.
      expect(found.map((value) => Object.entries(value as object))).toEqual(list.map((row) => Object.entries(Object.fromEntries(row.map(([one, value]) => [`${before}${one}`, kept(value)])))));
    }), { numRuns: 150 });
  });
});
