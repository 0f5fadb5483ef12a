import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import iconv from 'iconv-lite';
import { withServer } from '../../../test/support/withServer.ts';
import type { AttemptOutcome } from './createRunAttempt.ts';
import { keptItems, testAttempt } from './testing/testAttempt.ts';
import type { TestAttemptOptions } from './testing/testAttempt.ts';

/** One attempt against a server that answers with this body, in pieces of that many bytes. */
async function attemptOn(body: Buffer, headers: Record<string, string>, job: object, { piece = 0, ...options }: TestAttemptOptions & { readonly piece?: number } = {}): Promise<AttemptOutcome> {
  return withServer((_request, response) => {
    response.writeHead(200, headers);
    if (piece === 0) response.end(body);
    else {
      for (let at = 0; at < body.length; at += piece) response.write(body.subarray(at, at + piece));
      response.end();
    }
  }, ({ url }) => testAttempt({ source: { http: { url } }, ...job }, options));
}

const rows = [{ id: 1, name: 'Жаба' }, { id: 2, name: 'Ёж № 5' }];
const expected = { 1: rows[0], 2: rows[1] };
const json = { 'content-type': 'application/json' };

describe('compressions', () => {
  const text = JSON.stringify(rows);
  it.each<[string, Buffer]>([
    ['deflate', deflateSync(text)], ['x-gzip', gzipSync(text)], ['identity', Buffer.from(text)], ['GZIP', gzipSync(text)], ['gzip, zstd, br', brotliCompressSync(zstdCompressSync(gzipSync(text)))],
  ])('%s', async (encoding, body) => {
    for (const piece of [0, 3]) expect(keptItems(await attemptOn(body, { ...json, 'content-encoding': encoding }, { key: 'id' }, { piece }))).toEqual(expected);
  });

  it.each<[string, Buffer]>([
    ['gzip', Buffer.concat([gzipSync(text).subarray(0, 20), Buffer.alloc(30, 7)])], ['br', brotliCompressSync(text).subarray(0, 10)], ['br', Buffer.alloc(64, 0xff)], ['zstd', zstdCompressSync(text).subarray(0, 20)], ['zstd', Buffer.alloc(64, 0xff)], ['deflate', Buffer.alloc(64, 0xff)],
    ['gzip, gzip, gzip, gzip', gzipSync(text)],
  ])('that are none end as bad_body: %s', async (encoding, body) => {
    expect(await attemptOn(body, { ...json, 'content-encoding': encoding }, { key: 'id' })).toMatchObject({ kind: 'failed', class: 'bad_body' });
  });
});

describe('charsets', () => {
  const csv = 'id,name\n1,Жаба\n2,Ёж № 5';
  const csvRows = { 1: { id: '1', name: 'Жаба' }, 2: { id: '2', name: 'Ёж № 5' } };
  const xml = (encoding: string): string => `<?xml version="1.0" encoding="${encoding}"?><r><i><id>1</id><name>Жаба</name></i><i><id>2</id><name>Ёж № 5</name></i></r>`;
  const html = '<!doctype html><head><meta charset="windows-1251"></head><p data-id="1">Жаба</p>';

  it.each<[string, Buffer, string, object, object]>([
    ['the header', iconv.encode(csv, 'win1251'), 'text/csv; charset="windows-1251"', { key: 'id' }, csvRows],
    ['the job, over the header', iconv.encode(csv, 'koi8-u'), 'text/csv; charset=utf-8', { key: 'id', charset: 'koi8-u', items: '$', where: { id: '1' } }, { 1: csvRows[1] }],
    ['a mark: UTF-8', Buffer.from(`\uFEFF${csv}`), 'text/csv', { key: 'id' }, csvRows],
    ['a mark: UTF-16, big end first', iconv.encode(csv, 'utf16-be', { addBOM: true }), 'text/csv', { key: 'id' }, csvRows],
    ['a mark: UTF-32', iconv.encode(csv, 'utf-32le', { addBOM: true }), 'text/csv', { key: 'id' }, csvRows],
    ['no mark: UTF-16 by its zeros', iconv.encode(csv, 'utf16-le', { addBOM: false }), 'text/csv', { key: 'id' }, csvRows],
    ['the prolog of XML', iconv.encode(xml('windows-1251'), 'win1251'), 'text/xml', { key: 'id', items: 'r.i' }, csvRows],
    ['the header over the prolog', iconv.encode(xml('utf-8'), 'win1251'), 'text/xml; charset=windows-1251', { key: 'id', items: 'r.i' }, csvRows],
    ['the meta of HTML', iconv.encode(html, 'win1251'), 'text/html', { key: '@data-id', format: 'html', items: 'p' }, { 1: { text: 'Жаба', '@data-id': '1' } }],
    ['many bytes a character', iconv.encode('id,name\n1,カエル', 'shift_jis'), 'text/csv; charset=Shift_JIS', { key: 'id' }, { 1: { id: '1', name: 'カエル' } }],
  ])('by %s', async (_name, body, type, job, items) => {
    // A character cut in two by the network is still one.
    for (const piece of [0, 1]) expect(keptItems(await attemptOn(body, { 'content-type': type }, job, { piece }))).toEqual(items);
  });

  it.each<[string, Buffer, object, RegExp]>([
    ['CSV', iconv.encode(csv, 'win1251'), { format: 'csv' }, /UTF-8/],
    ['XML', iconv.encode(xml('utf-8'), 'win1251'), { format: 'xml', items: 'r.i' }, /UTF-8/],
    ['a body that ends inside a character', Buffer.from(csv.replace(' № 5', '')).subarray(0, -1), { format: 'csv' }, /UTF-8|character/],
    ['a charset that is none', Buffer.from(csv), { format: 'csv', charset: 'klingon' }, /klingon/],
  ])('that are none end as bad_body: %s', async (_name, body, job, message) => {
    for (const piece of [0, 1]) expect(await attemptOn(body, {}, { key: 'id', ...job }, { piece })).toMatchObject({ class: 'bad_body', message: expect.stringMatching(message) });
  });

  it.each<[string, readonly number[] | Uint8Array, object]>([
    ['windows-1251, which has no 98', [0x69, 0x64, 0x0a, 0x41, 0x98], { charset: 'windows-1251' }],
    ['half a character of Shift_JIS', [0x69, 0x64, 0x0a, 0x81, 0x0a], { charset: 'Shift_JIS' }],
    ['a body that ends inside a character of Shift_JIS', [0x69, 0x64, 0x0a, 0x41, 0x81], { charset: 'Shift_JIS' }],
    ['GB 18030', [0x69, 0x64, 0x0a, 0x41, 0xff, 0x41], { charset: 'gb18030' }],
    ['half a character of UTF-16', iconv.encode('id\nA', 'utf16-le').subarray(0, -1), { charset: 'utf-16le' }],
    ['half a character of UTF-16, big end first', iconv.encode('id\nA', 'utf16-be').subarray(0, -1), { charset: 'utf-16be' }],
    ['UTF-32 beyond the last character', Buffer.concat([iconv.encode('id\nA', 'utf-32le'), Buffer.alloc(4, 0xff)]), { charset: 'utf-32le' }],
    ['bad bytes beside a true U+FFFD', Buffer.concat([Buffer.from('id\n\uFFFD'), Buffer.from([0xff])]), {}],
    ['XML', iconv.encode('<r><i><id>1\u0402</id></i></r>', 'win1251').map((byte) => (byte === 0x80 ? 0x98 : byte)), { charset: 'windows-1251', format: 'xml', items: 'r.i' }],
    ['JSON', iconv.encode('[{"id":"\u0402"}]', 'win1251').map((byte) => (byte === 0x80 ? 0x98 : byte)), { charset: 'windows-1251', format: 'json' }],
  ])('refuse bytes that stand for nothing: %s', async (_name, body, job) => {
    for (const piece of [0, 1]) expect(await attemptOn(Buffer.from(body), {}, { key: 'id', format: 'csv', ...job }, { piece })).toMatchObject({ class: 'bad_body', message: expect.stringMatching(/UTF-8|windows-1251|shift_jis|gb18030|utf-16|utf-32/) });
  });

  it.each(['utf-16', 'utf-16le', 'utf-16be', 'utf-32', 'gb18030'])('take U+FFFD for what it is in %s', async (charset) => {
    const body = iconv.encode('id,name\n1,a\uFFFDbЖ', charset, { addBOM: !/gb|[lb]e$/.test(charset) });
    for (const piece of [0, 1]) expect(keptItems(await attemptOn(body, {}, { key: 'id', format: 'csv', charset }, { piece }))).toEqual({ 1: { id: '1', name: 'a\uFFFDbЖ' } });
  });

  it('take the byte order of UTF-16 from its mark, whoever names the charset', async () => {
    const name = 'Жаба'.repeat(8);
    const body = iconv.encode(`${name}\nЁж`, 'utf16-be', { addBOM: true });
    expect(Object.keys(keptItems(await attemptOn(body, {}, { key: name, format: 'csv', charset: 'UTF-16' })))).toEqual(['Ёж']);
  });

  it.each(['hex', 'base64', 'utf-7', 'utf-7-imap'])('are names that upstreams know, and none of a library of ours: %s', async (charset) => {
    expect(await attemptOn(Buffer.from('id\n41'), { 'content-type': `text/csv; charset=${charset}` }, { key: 'id' })).toMatchObject({ class: 'bad_body', message: expect.stringContaining('known charset') });
  });

  it('take U+FFFD for what it is where upstream itself sent it', async () => {
    for (const piece of [0, 1]) expect(keptItems(await attemptOn(Buffer.from('id,name\n1,a\uFFFDb'), {}, { key: 'id', format: 'csv' }, { piece }))).toEqual({ 1: { id: '1', name: 'a\uFFFDb' } });
  });
});

describe('what MongoDB could not hold', () => {
  const page = { format: 'html', items: 'p', key: '@id' };
  it.each<[string, Buffer, object, RegExp]>([
    ['half a character in a group of a regular expression', Buffer.from('\u{1F600}'), { format: 'text', items: '/(.)/s', key: '1' }, /lone surrogate/],
    ['half a character beside the key', Buffer.from('1\u{1F600}'), { format: 'text', items: '/(\\d)(.)/s', key: '1' }, /lone surrogate at 2 in item 1/],
    ['half a character in the key alone', Buffer.from('1\u{1F600}'), { format: 'text', items: '/(\\d)(.)/s', key: '2', fields: { a: '1' } }, /lone surrogate.*key at 2.*item 1/],
    ['half a character in one of two keys', Buffer.from('1\u{1F600}'), { format: 'text', items: '/(\\d)(.)/s', key: ['1', '2'], fields: { a: '1' } }, /lone surrogate.*key at 2.*item 1/],
    ['a lone surrogate in UTF-16', iconv.encode('id,a\n1,x\ud800y', 'utf16-le'), { format: 'csv', key: 'id', charset: 'utf-16le' }, /lone surrogate at a in item 1/],
    ['a lone surrogate in the name of a column', iconv.encode('id,a\ud800\n1,x', 'utf16-le'), { format: 'csv', key: 'id', charset: 'utf-16le' }, /lone surrogate in .*item 1/],
    ['NUL in the name of an attribute', Buffer.from('<p id=1 a\0b=2>x</p>'), page, /without NUL.*@a\\u0000b.*item 1/],
    ['NUL in the name of a column', Buffer.from('id,a\0b\n1,x'), { format: 'csv', key: 'id' }, /without NUL/],
    ['NUL in XML', Buffer.from('<r><i id="1" a\0b="2"/></r>'), { format: 'xml', items: 'r.i', key: '@id' }, /expected XML/],
  ])('ends as bad_body: %s', async (_name, body, job, message) => {
    expect(await attemptOn(body, {}, job)).toMatchObject({ kind: 'failed', class: 'bad_body', message: expect.stringMatching(message) });
  });
});

describe('the format', () => {
  const list = '[{"id":1}]';
  it.each<[string, string, object]>([
    ['application/json; charset=utf-8', list, {}], ['application/vnd.api+json', list, {}], ['text/plain', list, {}], ['application/octet-stream', `  \n${list}`, {}], ['', list, {}], ['application/x-ndjson', '{"id":1}\n', {}], ['application/json-seq', '\x1e{"id":1}\n', {}], ['application/geo+json-seq', '\x1e{"id":1}\n', {}], ['text/csv', 'id\n1', {}], ['application/octet-stream', 'id,x\n1,2', {}],
    ['text/tab-separated-values', 'id\tx\n1\t2', {}], ['application/rss+xml', '<r><i id="1"/></r>', { items: 'r.i', key: '@id' }], ['application/octet-stream', '<r><i id="1"/></r>', { items: 'r.i', key: '@id' }], ['text/html', list, { format: 'json' }],
  ])('is found by %s', async (type, body, job) => {
    expect(Object.keys(keptItems(await attemptOn(Buffer.from(body), type === '' ? {} : { 'content-type': type }, { key: 'id', ...job })))).toEqual(['1']);
  });

  it('takes the one row, or the one element, that `item` asks for', async () => {
    expect(keptItems(await attemptOn(Buffer.from('a,b\n1,2\n3,4'), { 'content-type': 'text/csv' }, { item: '$' }))).toEqual({ item: { a: '1', b: '2' } });
    expect(await attemptOn(Buffer.from('a,b\n'), { 'content-type': 'text/csv' }, { item: '$' })).toMatchObject({ class: 'bad_body', message: expect.stringContaining('row') });
    expect(keptItems(await attemptOn(Buffer.from('<r><v>1</v><v>2</v></r>'), { 'content-type': 'text/xml' }, { item: 'r.v' }))).toEqual({ item: { value: '1' } });
    expect(await attemptOn(Buffer.from('{"a":1}'), json, { item: 'b' })).toMatchObject({ class: 'bad_body', message: expect.stringContaining('an object at b') });
  });

  it('tells of rows that end with CR alone, and takes those with an empty cell in quotes', async () => {
    expect(await attemptOn(Buffer.from('id,name\r1,a\r2,b\r'), {}, { format: 'csv', key: 'id' })).toMatchObject({ kind: 'failed', class: 'bad_body', message: expect.stringMatching(/LF or CRLF/) });
    expect(await attemptOn(Buffer.from('id\r1\r2'), {}, { format: 'tsv', key: 'id' })).toMatchObject({ kind: 'failed', class: 'bad_body', message: expect.stringMatching(/LF or CRLF/) });
    expect(keptItems(await attemptOn(Buffer.from('id,"a\r\nb"\r\n1,2\r\n'), {}, { format: 'csv', key: 'id' }))).toEqual({ 1: { id: '1', 'a\r\nb': '2' } });
    expect(await attemptOn(Buffer.from('id\n1\n""\n2'), {}, { format: 'csv', key: 'id' })).toMatchObject({ kind: 'failed', class: 'missing_key', message: expect.stringContaining('item 2') });
  });

  it('knows a CSV list that is empty from a body that is none', async () => {
    expect(await attemptOn(Buffer.from('id,name\n'), { 'content-type': 'text/csv' }, { key: ['id', 'name'] })).toMatchObject({ kind: 'complete', counts: { kept: 0 } });
    for (const body of ['Service unavailable', 'name,text\n', 'name,text\na,b\n']) {
      for (const format of ['csv', 'tsv']) expect(await attemptOn(Buffer.from(body), {}, { format, key: 'id', where: { name: 'none' } })).toMatchObject({ kind: 'failed', class: 'missing_key', message: expect.stringMatching(/column "id".*first row names "/) });
    }
  });

  it('refuses one object that is nested too deep, as it does with items of a list', async () => {
    const nested = (depth: number): Buffer => Buffer.from(`{"beside":${'{"a":'.repeat(30)}1${'}'.repeat(30)},"x":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`);
    expect(await attemptOn(nested(90), json, { item: 'x' })).toMatchObject({ kind: 'complete' });
    for (const depth of [91, 300, 20_000]) expect(await attemptOn(nested(depth), json, { item: 'x' })).toMatchObject({ kind: 'failed', class: 'bad_body', message: expect.stringMatching(/nested at most (90|500) deep/) });
  });

  it('refuses an item of more than 4 MiB, and names it', async () => {
    const fits = 'x'.repeat(4 * 1024 ** 2 - 100);
    expect(await attemptOn(Buffer.from(JSON.stringify([{ id: 'fits', text: fits }])), json, { key: 'id' })).toMatchObject({ kind: 'complete' });
    expect(await attemptOn(Buffer.from(JSON.stringify([{ id: 1 }, { id: 'large', text: `${fits}${'y'.repeat(100)}` }])), json, { key: 'id' })).toMatchObject({ kind: 'failed', class: 'item_too_large', message: expect.stringMatching(/item 2, key "large"/) });
  });
});

describe('evidence', () => {
  it('is the first 4 KiB as text, and no half of a secret that stands where it is cut', async () => {
    const secret = 'a-secret-of-some-length';
    const body = Buffer.from(`${'ы'.repeat(4_090)}${secret}${'z'.repeat(9_000)}`);
    const outcome = await attemptOn(body, { 'content-type': 'application/json', 'set-cookie': 'sid=1', 'x-a': `v ${secret}` }, { key: 'id' }, { secrets: { S: { value: secret } } });
    expect(outcome).toMatchObject({ kind: 'failed', evidence: { status: 200, method: 'GET', headers: { 'set-cookie': '[hidden]', 'x-a': 'v [secret.S]' }, bodyBytes: body.length } });
    expect(outcome.evidence?.body?.length).toBeLessThanOrEqual(4_096);
    expect(outcome.evidence?.body?.startsWith('ыыы')).toBe(true);
    expect(JSON.stringify(outcome)).not.toMatch(/a-sec/);
  });

  it('and failures cut no secret in half before it is taken out', async () => {
    const secrets = { S: { value: 'a-secret-of-some-length' } };
    for (const body of [`${'x'.repeat(30)}a-secret-of-some-length,b`, `<html ${'x'.repeat(28)}a-secret-of-some-length>`]) {
      const outcome = await attemptOn(Buffer.from(body), { 'content-type': 'text/csv' }, { key: 'id' }, { secrets });
      expect(outcome).toMatchObject({ kind: 'failed', message: expect.stringContaining('[secret.S]') });
      expect(JSON.stringify(outcome)).not.toContain('a-sec');
    }
  });

  it('is text whatever came: NUL, bytes of no charset, a picture', async () => {
    const outcome = await attemptOn(Buffer.from([0x89, 0x50, 0, 0xff, 0xfe, 0xd8, 0x00]), { 'content-type': 'image/png; charset=nonsense' }, { key: 'id', format: 'json' });
    expect(outcome).toMatchObject({ kind: 'failed', class: 'bad_body', evidence: { bodyBytes: 7, body: expect.any(String) } });
    expect(outcome.evidence?.body).not.toContain('\0');
  });
});

describe('conditional requests', () => {
  it('go by Last-Modified where that is all there is, and are not made where the request differs from run to run', async () => {
    const seen: (string | undefined)[] = [];
    const modified = 'Sat, 21 Nov 2026 05:00:00 GMT';
    await withServer((request, response) => {
      seen.push(request.headers['if-modified-since'] ?? request.headers['if-none-match']);
      if (request.headers['if-modified-since'] === modified) response.writeHead(304).end();
      else response.writeHead(200, { ...json, 'last-modified': modified }).end('[{"id":1}]');
    }, async ({ url }) => {
      const job = (http: object = {}, more: object = {}) => ({ source: { http: { url, ...http } }, key: 'id', ...more });
      const first = await testAttempt(job());
      expect(first).toMatchObject({ kind: 'complete', validators: { lastModified: modified } });
      const validators = { run: 'r', lastModified: modified, bodyHash: 'other' };
      expect(await testAttempt(job(), { validators })).toMatchObject({ kind: 'unchanged', request: { status: 304 } });
      expect(await testAttempt(job({ query: { at: '{{ now }}' } }), { validators })).toMatchObject({ kind: 'complete', request: { status: 200 } });
      expect(await testAttempt(job({ method: 'POST' }), { validators })).toMatchObject({ kind: 'complete' });
      expect(await testAttempt(job({ query: { key: '{{ secret.K }}' } }), { validators, secrets: { K: { value: 'secret-key' } } })).toMatchObject({ kind: 'unchanged' });
      expect(seen).toEqual([undefined, modified, undefined, undefined, modified]);
    });
  });
});
