import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import iconv from 'iconv-lite';
import { withServer } from '../../../test/support/withServer.ts';
import { keptItems, testAttempt } from './testing/testAttempt.ts';
import type { TestAttemptOptions } from './testing/testAttempt.ts';

/** One attempt against a server that answers with this body. */
async function attemptOn(body: string | Buffer, job: object, { headers = { 'content-type': 'application/json' }, ...options }: TestAttemptOptions & { headers?: Record<string, string> } = {}) {
  return withServer(
    (_request, response) => void response.writeHead(200, headers).end(body),
    ({ url }) => testAttempt({ source: { http: { url: `${url}/data` } }, ...job }, options),
  );
}

describe('formats and compressions', () => {
  const rows = [{ id: 1, name: 'Жаба' }, { id: 2, name: 'b "q"' }];
  const expected = { 1: rows[0], 2: rows[1] };
  const json = JSON.stringify(rows);

  it.each<[string, string | Buffer, Record<string, string>]>([
    ['plain', json, {}],
    ['gzip', gzipSync(json), { 'content-encoding': 'gzip' }],
    ['br', brotliCompressSync(json), { 'content-encoding': 'br' }],
    ['zstd', zstdCompressSync(json), { 'content-encoding': 'zstd' }],
    ['gzip inside br', brotliCompressSync(gzipSync(json)), { 'content-encoding': 'gzip, br' }],
    ['a gzip file', gzipSync(json), { 'content-type': 'application/gzip' }],
    ['a gzip file, compressed again on its way', brotliCompressSync(gzipSync(json)), { 'content-type': 'application/octet-stream', 'content-encoding': 'br' }],
    ['a gzip file that is decompressed on its way', gzipSync(json), { 'content-type': 'application/x-gzip', 'content-encoding': 'gzip' }],
    ['with a byte order mark', `\uFEFF${json}`, {}],
    ['utf-16 by its mark', iconv.encode(json, 'utf16le', { addBOM: true }), {}],
    ['windows-1251 by the header', iconv.encode(json, 'win1251'), { 'content-type': 'application/json; charset=windows-1251' }],
  ])('reads JSON: %s', async (_name, body, headers) => {
    expect(keptItems(await attemptOn(body, { key: 'id' }, { headers: { 'content-type': 'application/json', ...headers } }))).toEqual(expected);
  });

  it('reads a list deep inside, a list in an object of properties, one object, and lines', async () => {
    expect(keptItems(await attemptOn('{"ok":true,"a":{"b.c":[{"x":0},{"x":[{"id":5}]}]},"z":[]}', { items: 'a.b\\.c.1.x', key: 'id' }))).toEqual({ 5: { id: 5 } });
    expect(keptItems(await attemptOn('{"quotes":{"AED":3.67,"USD":{"v":1}}}', { items: 'quotes' }))).toEqual({ AED: { value: 3.67 }, USD: { v: 1 } });
    expect(keptItems(await attemptOn('{"Response":{"version":"1.2"}}', { item: 'Response' }))).toEqual({ item: { version: '1.2' } });
    expect(keptItems(await attemptOn('{"id":1}\n\n {"id":2}\r\n', { key: 'id', format: 'ndjson' }))).toEqual({ 1: { id: 1 }, 2: { id: 2 } });
    expect(keptItems(await attemptOn('[]', { key: 'id' }))).toEqual({});
  });

  it('keys by the text of a number, as it was written', async () => {
    const keysOf = async (body: string, job: object = { key: 'id' }): Promise<string[]> => Object.keys(keptItems(await attemptOn(body, job))).toSorted();
    const texts = ['1', '1.0', '1.00', '10e-1', '100', '1e2', '1E2', '0', '-0', '-0.0', '0.0', '2.50', '2.5', '9007199254740993.0', '9007199254740993', '1e400', '12345678901234567890'].toSorted();
    const body = texts.map((text) => `{"id":${text},"other":"2.0"}`);
    expect(await keysOf(`[${body.join(',')}]`)).toEqual(texts);
    expect(await keysOf(body.join('\n'), { key: 'id', format: 'ndjson' })).toEqual(texts);
    expect(await keysOf(`[${texts.join(',')}]`, { key: 'value' })).toEqual(texts);
    expect(await keysOf(`{${texts.map((text, index) => `"p${index}":{"id":${text}}`).join(',')}}`, { items: '$', key: 'id' })).toEqual(texts);
    expect(await keysOf('{"x":{"id":1.0}}', { item: 'x', key: 'id' })).toEqual(['1.0']);
    expect(await keysOf('[{"id":1.0,"b":"x","c":true}]', { key: ['id', 'b', 'c'], fields: { id: { path: 'id', type: 'number' } } })).toEqual(['["1.0","x","true"]']);
  });

  it('reads CSV with any delimiter, quotes and line ends, and TSV', async () => {
    const expectedRows = { 1: { Id: '1', 'Item Name': 'a, "b"\nc' }, 2: { Id: '2', 'Item Name': '' } };
    const headers = { 'content-type': 'text/csv' };
    expect(keptItems(await attemptOn('Id,Item Name\r\n1,"a, ""b""\nc"\r\n\r\n2,\r\n', { key: 'Id' }, { headers }))).toEqual(expectedRows);
    expect(keptItems(await attemptOn('Id;Item Name\n1;"a, ""b""\nc"\n2;', { key: 'Id' }, { headers }))).toEqual(expectedRows);
    expect((await attemptOn('Id,__proto__\n1,x', { key: 'Id' }, { headers }))).toMatchObject({ items: [{ text: expect.stringContaining('"d":{"Id":"1","__proto__":"x"}') }] });
    expect(keptItems(await attemptOn('Id\tItem Name\n1\tplain', { key: 'Id', format: 'tsv' }))).toEqual({ 1: { Id: '1', 'Item Name': 'plain' } });
  });

  it('reads XML in windows-1251 with decimal commas, and namespaced attributes', async () => {
    const cbr = '<?xml version="1.0" encoding="windows-1251"?><ValCurs Date="15.03.2022"><Valute ID="R01010"><CharCode>AUD</CharCode><Name>Австралийский доллар</Name><Value>1 234,5</Value></Valute></ValCurs>';
    const fields = { id: '@ID', name: 'Name', value: { path: 'Value', type: 'number', decimalComma: true } };
    expect(keptItems(await attemptOn(iconv.encode(cbr, 'win1251'), { items: 'ValCurs.Valute', key: 'CharCode', fields }, { headers: { 'content-type': 'text/xml' } }))).toEqual({ AUD: { id: 'R01010', name: 'Австралийский доллар', value: 1234.5 } });
    const ecb = "<gesmes:Envelope xmlns:gesmes='g'><Cube><Cube time='2022-07-08'><Cube currency='USD' rate='1.0163'/><Cube currency='JPY' rate='138.05'/></Cube></Cube></gesmes:Envelope>";
    expect(keptItems(await attemptOn(ecb, { items: 'gesmes:Envelope.Cube.Cube.Cube', key: '@currency', format: 'xml' }))).toEqual({ USD: { '@currency': 'USD', '@rate': '1.0163' }, JPY: { '@currency': 'JPY', '@rate': '138.05' } });
  });
});

describe('exactness', () => {
  it('keeps every digit, -0, and names that bite', async () => {
    const body = '[{"id":9007199254740993,"big":123456789012345678901234567890,"huge":1e400,"tiny":1e-400,"neg":-0,"dec":0.1,"$set":1,"a.b":2,"__proto__":{"x":1},"constructor":3,"n17":1234567890123456,"f":9007199254740993.0,"s":6.02e23}]';
    const outcome = await attemptOn(body, { key: 'id' });
    expect(outcome.kind === 'complete' && outcome.items[0]?.text).toContain('"neg":-0');
    expect(outcome.kind === 'complete' && outcome.items[0]?.text).toContain('"__proto__":{"x":1}');
    const item = keptItems(outcome)['9007199254740993'] as Record<string, unknown>;
    expect(item).toMatchObject({ id: '9007199254740993', big: '123456789012345678901234567890', huge: '1e400', tiny: '1e-400', dec: 0.1, $set: 1, 'a.b': 2, constructor: 3, n17: 1234567890123456, f: '9007199254740993.0', s: 6.02e23 });
    expect(Object.is(item['neg'], -0)).toBe(true);
  });

  it('keeps -0 and __proto__ through fields', async () => {
    const outcome = await attemptOn('[{"id":1,"n":-0,"__proto__":5}]', { key: 'id', fields: { n: 'n', p: '__proto__', c: 'constructor' } });
    expect(outcome.kind === 'complete' && outcome.items[0]?.text).toMatch(/"d":\{"n":-0,"p":5\}\}$/);
  });

  it.each([
    ['NUL in a name', '[{"id":1,"a\\u0000b":1}]', /NUL/],
    ['a lone surrogate in a value', '[{"id":1,"deep":{"v":["\\ud800x"]}}]', /surrogate at deep.v.0/],
    ['a lone surrogate in a name', '[{"id":1,"\\udfff":1}]', /surrogate/],
    ['a name twice', '[{"id":1},{"id":2,"deep":{"x":1,"y":{"x":1},"x":2}}]', /"x" twice in item 2/],
    ['a name twice by escape', '[{"id":1,"ab":1,"\\u0061b":2}]', /"ab" twice in item 1/],
    ['a name twice around the list', '{"a":1,"data":[{"id":1}],"a":2}', /"a" twice in the answer/],
    ['the list twice', '{"data":[{"id":1}],"data":[{"id":2}]}', /"data" twice/],
    ['an item name twice', '{"data":{"x":{"id":1},"x":{"id":2}}}', /"x" twice in the items/],
    ['bytes that are no UTF-8', Buffer.from([...Buffer.from('{"data":[{"id":"'), 0xff, ...Buffer.from('"}]}')]), /UTF-8/],
    ['a trailing comma', '{"data":[{"id":1},]}', /item 2/],
    ['a missing value', '{"data":[{"id":1},,{"id":2}]}', /item 2/],
    ['an end too early', '{"data":[{"id":1},{"id":', /ended in item 2/],
    ['more after the end', '{"data":[{"id":1}]} x', /expected JSON in the answer/],
    ['no such path', '{"other":[]}', /expected a list at data/],
    ['null in place of the list', '{"data":null}', /saw null/],
    ['nothing', '', /has none|a body/],
    ['an HTML page', '<html><body>Service unavailable</body></html>', /expected JSON/],
  ])('fails with bad_body: %s', async (_name, body, message) => {
    const job = { key: 'id', format: 'json', ...(String(body).startsWith('[') ? {} : { items: 'data' }) };
    expect(await attemptOn(body, job)).toMatchObject({ kind: 'failed', class: 'bad_body', message: expect.stringMatching(message) });
  });
});

describe('keys and duplicates', () => {
  it('makes keys of texts, numbers and booleans, of one path or several', async () => {
    expect(Object.keys(keptItems(await attemptOn('[{"k":"a"},{"k":7},{"k":true},{"k":1.10},{"k":12345678901234567890}]', { key: 'k' })))).toEqual(expect.arrayContaining(['a', '7', 'true', '1.10', '12345678901234567890']));
    expect(Object.keys(keptItems(await attemptOn('[{"ccy":"USD","base":"UAH"}]', { key: ['ccy', 'base'] })))).toEqual(['["USD","UAH"]']);
  });

  it.each([['[{"k":1},{}]', /item 2 has nothing/], ['[{"k":null}]', /null/], ['[{"k":{"a":1}}]', /an object/], ['[{"k":""}]', /1 to 1,024 bytes/], [`[{"k":"${'ы'.repeat(513)}"}]`, /1,026/]])('fails with missing_key: %s', async (body, message) => {
    expect(await attemptOn(body, { key: 'k' })).toMatchObject({ kind: 'failed', class: 'missing_key', message: expect.stringMatching(message) });
  });

  it('collapses exact duplicates, and lets the last of others stand with a warning', async () => {
    const outcome = await attemptOn('[{"k":1,"a":1,"b":2},{"b":2,"a":1,"k":1},{"k":2,"v":1},{"k":2,"v":2}]', { key: 'k' });
    expect(outcome).toMatchObject({ counts: { received: 4, kept: 2, duplicates: 1 }, warnings: [expect.stringContaining('1 items')] });
    expect(keptItems(outcome)).toEqual({ 1: { k: 1, a: 1, b: 2 }, 2: { k: 2, v: 2 } });
  });

  it('does not ask filtered items for a key', async () => {
    expect(keptItems(await attemptOn('[{"t":"x"},{"t":"y","k":1}]', { key: 'k', where: { t: 'y' } }))).toEqual({ 1: { t: 'y', k: 1 } });
  });
});

describe('fields', () => {
  it('turns texts into numbers, dates and booleans, and keeps with a warning what is none', async () => {
    const body = '[{"k":1,"n":"26.45000","c":"1.234,50","d":"15.03.2022","t":1526500000,"b":"yes","x":"N/A","big":"123456789012345678901","e":""}]';
    const fields = { n: { path: 'n', type: 'number' }, c: { path: 'c', type: 'number', decimalComma: true }, d: { path: 'd', type: 'date' }, t: { path: 't', type: 'date' }, b: { path: 'b', type: 'boolean' }, x: { path: 'x', type: 'number' }, big: { path: 'big', type: 'number' }, e: { path: 'e', type: 'number' }, s: { path: 'k', type: 'string' } };
    const outcome = await attemptOn(body, { key: 'k', fields });
    expect(keptItems(outcome)).toEqual({ 1: { n: 26.45, c: 1234.5, d: '2022-03-15T00:00:00.000Z', t: '2018-05-16T19:46:40.000Z', b: true, x: 'N/A', big: '123456789012345678901', e: null, s: '1' } });
    expect(outcome).toMatchObject({ warnings: ['1 values of field x: number are none and were kept as they came, the first: "N/A"'] });
  });

  it('hashes the same data alike, whatever the order of fields and properties', async () => {
    const hashes = async (body: string, job: object) => {
      const outcome = await attemptOn(body, { key: 'k', ...job });
      return outcome.kind === 'complete' ? outcome.items.map(({ text }) => (JSON.parse(text) as { h: string }).h) : [];
    };
    expect(await hashes('[{"k":1,"a":{"x":1,"y":[2]}}]', {})).toEqual(await hashes('[ {"a":{"y":[2.0],"x":1e0} ,"k":1}]', {}));
    expect(await hashes('[{"k":1,"a":2}]', { fields: { x: 'a', y: 'k' } })).toEqual(await hashes('[{"k":1,"a":2}]', { fields: { y: 'k', x: 'a' } }));
    expect(await hashes('[{"k":1,"a":"1"}]', {})).not.toEqual(await hashes('[{"k":1,"a":1}]', {}));
    expect(await hashes('[{"k":1,"a":0}]', {})).not.toEqual(await hashes('[{"k":1,"a":-0}]', {}));
  });
});

describe('validators', () => {
  it('recognises 304 and the same bytes, and gives validators with a complete result', async () => {
    await withServer(
      (request, response) => {
        if (request.url?.startsWith('/etag') && request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
        else response.writeHead(200, { 'content-type': 'application/json', ...(request.url?.startsWith('/etag') ? { etag: '"v1"' } : {}) }).end('[{"k":1}]');
      },
      async ({ url }) => {
        const job = (path: string) => ({ source: { http: { url: `${url}${path}` } }, key: 'k' });
        const first = await testAttempt(job('/etag'));
        if (first.kind !== 'complete' || !first.validators) throw new Error(JSON.stringify(first));
        expect(first.validators).toEqual({ etag: '"v1"', bodyHash: expect.stringMatching(/^[0-9a-f]{32}$/) });
        const validators = { run: 'earlier', ...first.validators };
        expect(await testAttempt(job('/etag'), { validators })).toMatchObject({ kind: 'unchanged', base: 'earlier', request: { status: 304 } });
        expect(await testAttempt(job('/plain'), { validators })).toMatchObject({ kind: 'unchanged', base: 'earlier', request: { status: 200, bytes: 9 } });
        expect(await testAttempt(job('/plain'), { validators: { ...validators, bodyHash: 'other', etag: '"v0"' } })).toMatchObject({ kind: 'complete' });
        // Another run's request may be for another thing: its validators say nothing, its bytes do.
        const varying = { source: { http: { url: `${url}/etag?at={{ fire.at }}` } }, key: 'k' };
        expect(await testAttempt(varying, { validators })).toMatchObject({ kind: 'unchanged', request: { status: 200 } });
        expect((await testAttempt(varying))).not.toHaveProperty('validators.etag');
        expect(await testAttempt({ ...job('/plain'), partial: true })).not.toHaveProperty('validators');
      },
    );
  });
});

describe('304 where no validators of ours were sent', () => {
  it('is no answer: nothing that was gathered is taken for gone, or for what is there', async () => {
    await withServer(
      (request, response) => {
        if (request.headers['if-none-match'] !== undefined && request.url !== '/data?s=b') response.writeHead(304).end();
        else response.writeHead(200, { 'content-type': 'application/json', etag: '"v1"' }).end('[{"k":"new"}]');
      },
      async ({ url }) => {
        const headers = { 'If-None-Match': '"mine"' };
        const refused = { kind: 'failed', class: 'bad_body', status: 304 };
        expect(await testAttempt({ source: { http: { url, headers } }, key: 'k' })).toMatchObject(refused);
        expect(await testAttempt({ source: { http: { url, headers } }, key: 'k' }, { validators: { run: 'r', bodyHash: 'x', etag: '"v1"' } })).toMatchObject(refused);
        const each = { source: { http: { url: `${url}/data`, query: { s: '{{ each }}' }, headers, forEach: { list: ['b', 'a'] } } }, key: 'k' };
        expect(await testAttempt(each, { validators: { run: 'r', bodyHash: 'x' } })).toMatchObject(refused);
      },
    );
  });
});

const recorded = fileURLToPath(new URL('../../../../shared/data/', import.meta.url));
const withRecorded = existsSync(recorded) ? describe : describe.skip;
if (!existsSync(recorded)) console.warn('SKIPPED: the recorded upstream data is not here');
withRecorded('recorded answers', () => {
  it.each([
    ['wow/tsm_items_EU_nemesis_2018-09-26.derived.json', { key: 'Id', where: { Id: { $in: [2447, 765, 785] } }, fields: { name: 'Name', marketValue: 'MarketValue' } }, 3],
    ['wow/tsm_items_EU_nemesis_2018-09-26.csv', { key: 'Id', format: 'csv' }, 17_428],
    ['wow/wowuction_draenor_series/002.tsv', { key: 'Item ID', format: 'tsv' }, 15_710],
    ['currency/privatbank_pubinfo_2018-04-23.json', { key: ['ccy', 'base_ccy'] }, 4],
    ['currency/cbr_XML_daily_2022-03-15.win1251.xml', { key: 'CharCode', items: 'ValCurs.Valute', format: 'xml' }, 34],
    ['currency/ecb_eurofxref-daily_2022-07-08.xml', { key: '@currency', items: 'gesmes:Envelope.Cube.Cube.Cube', format: 'xml' }, 31],
    ['currency/usd_quotes_hourly_series/001.json', { items: 'quotes' }, 169],
    ['big/usgs_all_week_2014-05.geojson', { key: 'id', items: 'features' }, 1_513],
  ])('reads %s', async (file, job, count) => {
    const outcome = await attemptOn(readFileSync(`${recorded}${file}`), job, { headers: { 'content-type': file.endsWith('json') ? 'application/json' : 'application/octet-stream' } });
    expect(outcome).toMatchObject({ kind: 'complete', counts: { kept: count } });
  });
});
