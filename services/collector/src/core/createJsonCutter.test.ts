import { readPath } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readJsonItems } from '../formats/readJson.ts';
import { createJsonCutter } from './createJsonCutter.ts';
import { createKnownSnapshot } from './createKnownSnapshot.ts';
import { exactNumber } from './exactNumber.ts';
import { parseExactJson, traitsOf } from './parseExactJson.ts';

/** What the cutter gives for a body that arrives in pieces of these sizes. */
function cut(body: string, path: readonly string[], sizes: readonly number[] = [], lines = false) {
  const found: unknown[] = [];
  const cutter = createJsonCutter({ path, lines, onPiece: (piece) => {
    const text = piece.property ? `{${piece.text}}` : piece.text;
    expect({ colons: piece.colons, escapes: piece.escapes }).toEqual({ colons: traitsOf(text).colons, escapes: traitsOf(text).escapes });
    if (traitsOf(text).riskyNumbers) expect(piece.riskyNumbers).toBe(true);
    found.push(parseExactJson(text, piece, 'it').value);
  } });
  const bytes = Buffer.from(body);
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes.length === 0 ? bytes.length : Math.max(1, sizes[turn % sizes.length] ?? 1);
    cutter.write(bytes.subarray(at, at + size));
    at += size;
  }
  const around = cutter.end().value;
  return { found, around };
}

/** The same through the reader, which also sees names that come twice among the items of an object. */
function read(body: string, path: readonly string[], sizes: readonly number[]): void {
  const reader = readJsonItems(path, () => undefined);
  const bytes = Buffer.from(body);
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes.length === 0 ? bytes.length : Math.max(1, sizes[turn % sizes.length] ?? 1);
    reader.write(bytes.subarray(at, at + size));
    at += size;
  }
  reader.end();
}

const name = fc.oneof(fc.constantFrom('a', 'b', 'items', '0', '__proto__', 'x.y', '$set', ''), fc.string({ unit: 'grapheme', maxLength: 5 }).filter((text) => !text.includes('\0')));
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' }, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.boolean(), fc.constant(null), fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.array(tie('value'), { maxLength: 4 }), fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;
const jsonText = (part: unknown): string => JSON.stringify(part);
/** What a value is read as: integers beyond 2^53 as their text. */
const asRead = (part: unknown): unknown => JSON.parse(jsonText(part), (_name, inner: unknown, context?: { source?: string }) => (typeof inner === 'number' ? exactNumber(context?.source ?? '') : inner));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

describe('the JSON cutter', () => {
  it('finds in any pieces of bytes what JSON.parse finds in the whole', () => {
    fc.assert(fc.property(fc.array(value, { maxLength: 6 }), sizes, fc.constantFrom(0, 1, 2), (list, pieces, indent) => {
      expect(cut(JSON.stringify(list, null, indent), [], pieces).found).toEqual(asRead(list));
    }), { numRuns: 300 });
  });

  it('follows any path, and gives the rest as it stands around the list', () => {
    fc.assert(fc.property(fc.array(name, { minLength: 1, maxLength: 3 }), fc.array(value, { maxLength: 3 }), fc.array(fc.tuple(name, value), { maxLength: 3 }), sizes, (path, list, beside, pieces) => {
      let body: unknown = list;
      for (const segment of path.toReversed()) body = Object.fromEntries([...beside.filter(([other]) => other !== segment), [segment, body], ['zz end', 1e3]]);
      const { found, around } = cut(JSON.stringify(body), path, pieces);
      expect(found).toEqual(asRead(list));
      expect(readPath(around, path)).toEqual([]);
      expect(readPath(around, ['zz end'])).toBe(1e3);
    }), { numRuns: 300 });
  });

  it('takes lines', () => {
    fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 6 }), sizes, fc.constantFrom('\n', '\r\n', '\n\n', '\n\x1e', '\n\x1e '), (list, pieces, end) => {
      expect(cut(`${end.trim()}${list.map(jsonText).join(end)}`, [], pieces, true).found).toEqual(asRead(list));
    }), { numRuns: 200 });
  });

  it('knows lines from a body without any, and a mark of sequences from a part of a text', () => {
    for (const body of [' ', '\n\n \r\n', '\x1e\n', '{"a":1\x1e}', '{"a":1}\x1e{"a":2}', '\x1e\x1f1']) expect(() => cut(body, [], [2], true)).toThrow(expect.objectContaining({ class: 'bad_body' }));
    expect(() => cut('[\x1e1]', [])).toThrow(expect.objectContaining({ class: 'bad_body' }));
  });

  // In the manner of JSONTestSuite: y must be read, n must be refused; each as the whole body and as an item.
  it.each([
    '[[]   ]', '[""]', '[]', '["a"]', '[false]', '[null, 1, "1", {}]', '[null]', '[1\n]', ' [1]', '[1,null,null,null,2]', '[2] ', '[1e-2]', '[0e+1]', '[0e1]', '[ 4]', '[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]', '[20e1]', '[-0]', '[-123]', '[-1]', '[1E22]', '[1E-2]', '[1E+2]', '[123e45]', '[123.456e78]', '[1e-2]', '[1e+2]', '[123]',
    '{"asd":"sdf", "dfg":"fgh"}', '{"asd":"sdf"}', '{}', '{"":0}', '{"foo\\u0062ar":42}', '{"min": -1.0e+28, "max": 1.0e+28}', '{"x":[{"id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}], "id": "x"}', '{"a":[]}', '{"title":"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430" }', '{\n"a": "b"\n}',
    '["\\u0060\\u012a\\u12AB"]', '["\\uD801\\udc37"]', '["\\ud83d\\ude39\\ud83d\\udc8d"]', '["\\"\\\\\\/\\b\\f\\n\\r\\t"]', '["\\\\u0000"]', '["\\""]', '["a/*b*/c/*d//e"]', '["\\\\a"]', '["\\\\n"]', '["\\u0012"]', '["\\uFFFF"]', '[ "asd"]', '["\u{10FFFF}"]', '["\u2028 \u2029"]', '["\\u0000"]', '["\\uDBFF\\uDFFF"]', '["new\\u00A0line"]', '["€𝄞"]', '["aa\u007f"]', '[" "]', '\t[\t]\n',
  ])('reads %s', (body) => {
    expect(cut(`[${body}]`, []).found).toHaveLength(1);
    expect(() => cut(body, [], [1])).not.toThrow();
    expect(cut(`{"before":[1],"list":[${body},${body}],"after":{}}`, ['list'], [3]).found).toHaveLength(2);
  });

  it.each([
    '[1 true]', '[a\u00e5]', '["": 1]', '[""],', '[,1]', '[1,,2]', '["x",,]', '["x"]]', '["",]', '["x"', '[x', '[3[4]]', '[,]', '[1,]', '[1,\n1\n,1', '["a\t"]', '[*]', '[1,', '[1', '[{}', '[fals]', '[nul]', '[tru]', '[++1234]', '[+1]', '[+Inf]', '[-01]', '[-1.0.]', '[-2.]', '[-NaN]', '[.-1]', '[.2e-3]', '[0.1.2]', '[0.3e+]', '[0.3e]', '[0.e1]', '[0E+]', '[0E]', '[0e+]', '[0e]', '[1.0e+]', '[1 000.0]', '[1eE2]', '[2.e+3]', '[9.e+]', '[Inf]', '[NaN]', '[1+2]', '[0x1]', '[Infinity]', '[-]', '[- 1]', '[-012]', '[012]', '[-1x]', '[1.2a-3]',
    '["x", truth]', '{[: "x"}', '{"x", null}', '{"x"::"b"}', '{"a":"a" 123}', '{key: \'value\'}', '{"a" b}', '{:"b"}', '{"a" "b"}', '{"a":', '{"a"', '{1:1}', '{9999E9999:1}', '{null:null,null:null}', '{"id":0,,,,,}', "{'a':0}", '{"id":0,}', '{"a":"b"}/**/', '{"a":"b",,"c":"d"}', '{a: "b"}', '{"a":"a', '{ "foo" : "bar", "a" }', '{"a":"b"}#', ' ', '["\\uD800\\"]', '["\\u"]', '["\\u1"]', '["\\u1x"]', '["\\x00"]', '["\\\\\\"]', '["\\a"]', '["\\uqqqq"]', '[\u00e9]', '[\\n]', "['single']", 'abc', '["\\', '["a\nb"]', '"x"x', '<.>', '[<null>]', '[1]x', '[1]]', '[True]', '1]', '{"x": true,', '[][]', ']', '{}}', '{"asd":"asd"', '\u00e5', '[\u2060]', '[\f]', '["asd]', 'aå', '"', '{', '{[', '{"a', '{]', '[{"', '[}', '}',
    '["\\uD800"]', '["\\uDADA"]', '["\\uD888\\u1234"]', '["\\uDd1e\\uD834"]', '["\\uD800\\uD800\\n"]', '["\\udc00"]', '{"a":1,"a":2}', '{"a\\u0000":1}',
  ])('refuses %s', (body) => {
    const refused = (text: string, path: readonly string[]): void => {
      for (const pieces of [[], [1], [2, 5]]) expect(() => read(text, path, pieces)).toThrow(expect.objectContaining({ class: 'bad_body' }));
    };
    if (body.trim() !== '') refused(body, []);
    // What ends an item also ends the list; whatever follows then is refused as what stands around it.
    refused(`{"list":[0,${body}]}`, ['list']);
    refused(`{"beside":${body},"list":[0]}`, ['list']);
  });

  it('refuses what is nested too deep without falling over', () => {
    for (const body of ['['.repeat(100_000), '{"a":'.repeat(100_000), `[${'['.repeat(200)}${']'.repeat(200)}]`]) {
      for (const path of [[], ['list']]) expect(() => cut(body, path)).toThrow(expect.objectContaining({ class: 'bad_body' }));
    }
  });
});

describe('a list of which pieces are recalled by their bytes', () => {
  /** Texts of which some begin others, end like others, or hold what looks like an end. */
  const texts = ['1', '12', '123', '-1', '"a"', '"a,b"', '"a]"', '{}', '{"a":1}', '{"a":"}"}', '{"a":{"b":[1,2]},"c":"\\""}', '[]', '[1,[2]]', 'true', 'null', ` { "a" : 1 } `];
  const gap = fc.constantFrom('', '', ' ', '\n\t');
  const listOf = (minLength: number) => fc.array(fc.record({ text: fc.constantFrom(...texts), before: gap, after: gap }), { minLength, maxLength: 12 });
  const hash = (bytes: Uint8Array) => ({ low: [...bytes].reduce((sum, byte) => Math.imul(sum, 31) + byte, 7), high: bytes.length, length: bytes.length });

  it.each([false, true])('gives the same pieces as one that is read whole, however it arrives (lines: %s)', (lines) => {
    const bodyOf = (pieces: readonly { text: string; before: string; after: string }[]): string =>
      lines ? pieces.map(({ text, before }) => `${before.replace('\n', '')}${text}`).join('\n') : `{"x":"[", "list": [${pieces.map(({ text, before, after }) => `${before}${text}${after}`).join(',')}], "y": [1]}`;
    let recalled = 0;
    fc.assert(fc.property(fc.array(fc.tuple(listOf(lines ? 1 : 0), fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 })), { minLength: 1, maxLength: 4 }), (answers) => {
      const known = createKnownSnapshot({ hash });
      for (const [pieces, sizes] of answers) {
        const seen = known.compare();
        const given: string[] = [];
        const numbers: number[] = [];
        const taken: string[] = [];
        const { recall } = seen;
        const cutter = createJsonCutter({
          path: lines ? [] : ['list'], lines, onPiece: ({ text, record, number }) => {
            given.push(text);
            numbers.push(number);
            if (record) seen.became(record, undefined);
          }, recall: {
            get expected() { return recall.expected; },
            take: (bytes) => {
              const record = recall.take(bytes);
              if (!record) taken.push(Buffer.from(bytes).toString());
              return record;
            },
            takeExpected: (bytes) => recall.takeExpected(bytes) && taken.push(Buffer.from(bytes).toString()) > 0,
          },
        });
        const bytes = Buffer.from(bodyOf(pieces));
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          cutter.write(bytes.subarray(at, at + size));
          at += size;
        }
        const around = cutter.end().value;
        seen.commit();
        const all = pieces.map(({ text }) => text.trim()).filter((text) => text !== '');
        expect([...given, ...taken].toSorted()).toEqual(all.toSorted());
        expect(given).toEqual(numbers.map((number) => all[number - 1]));
        if (!lines) expect(around).toEqual({ x: '[', list: [], y: [1] });
        recalled += taken.length;
      }
    }), { numRuns: 2_000 });
    expect(recalled).toBeGreaterThan(1_000);
  });

  it.each(['[{"a":1},]', '[{"a":1} 2]', '[{"a":1}', '[{"a":1}}]', '{"a":1}x'])('refuses what is no JSON after a piece that it knew: %s', (body) => {
    const known = createKnownSnapshot({ hash });
    const attempt = (text: string): void => {
      const seen = known.compare();
      const cutter = createJsonCutter({ path: [], lines: !text.startsWith('['), recall: seen.recall, onPiece: (piece) => {
        parseExactJson(piece.text, piece, 'it');
        if (piece.record) seen.became(piece.record, undefined);
      } });
      cutter.write(Buffer.from(text));
      cutter.end();
      seen.commit();
    };
    attempt(body.startsWith('[') ? '[{"a":1}]' : '{"a":1}');
    expect(() => attempt(body)).toThrow(expect.objectContaining({ class: 'bad_body' }));
  });
});

describe('exact numbers', () => {
  it.each<[string, number | string]>([
    ['0', 0], ['9007199254740992', 2 ** 53], ['9007199254740993', '9007199254740993'], ['-9007199254740993', '-9007199254740993'], ['-9007199254740992', -(2 ** 53)], ['9007199254740993.0', '9007199254740993.0'], ['9007199254740992.0', 2 ** 53], ['1e400', '1e400'], ['-1E400', '-1E400'], ['1e-400', '1e-400'], ['0e-400', 0], ['0.0', 0], ['1e23', 1e23],
    ['123456789012345678.0', '123456789012345678.0'], ['1.5e300', 1.5e300], ['0.1', 0.1], ['3.141592653589793238462643', Math.PI], ['100000000000000000000', '100000000000000000000'], ['5e-324', 5e-324], ['1.7976931348623157e308', Number.MAX_VALUE],
  ])('%s', (text, kept) => {
    expect(exactNumber(text)).toBe(kept);
  });

  it('keep every digit of every integer', () => {
    fc.assert(fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), (whole) => {
      const kept = exactNumber(String(whole));
      expect(BigInt(kept)).toBe(whole);
      expect(typeof kept).toBe(whole > 2n ** 53n || whole < -(2n ** 53n) ? 'string' : 'number');
    }));
  });

  it('of digits without end take no longer than reading them', () => {
    const many = 4_000_000;
    for (const [text, kept] of [['9'.repeat(many), undefined], [`-${'1'.repeat(many)}`, undefined], [`9007199254740993.${'0'.repeat(many)}1`, undefined], [`9007199254740992.${'0'.repeat(many)}`, 2 ** 53], [`0.${'0'.repeat(many)}1`, undefined]] as const) {
      const began = performance.now();
      expect(exactNumber(text) === (kept ?? text)).toBe(true);
      expect(performance.now() - began).toBeLessThan(700);
    }
  });

  it('keep every digit of integers written as decimals', () => {
    /** The whole number that a text stands for. */
    const wholeOf = (text: string): bigint => {
      const [, digits = '', fraction = '', exponent = '0'] = /^(-?\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
      const shift = Number(exponent) - fraction.length;
      const all = BigInt(digits + fraction);
      return shift >= 0 ? all * 10n ** BigInt(shift) : all / 10n ** BigInt(-shift);
    };
    fc.assert(fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.constantFrom('.0', '.000', 'e0', 'E+3', '.0e2'), (whole, more) => {
      expect(wholeOf(String(exactNumber(`${whole}${more}`)))).toBe(wholeOf(`${whole}${more}`));
    }));
  });

  it('keep every double as it is', () => {
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (double) => {
      const text = Object.is(double, -0) ? '-0' : String(double);
      const kept = exactNumber(text);
      if (typeof kept === 'number') expect(kept).toBe(double);
      else expect(kept).toBe(text);
    }));
  });
});
