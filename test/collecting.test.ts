import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { withGleaner } from './support/withGleaner.ts';
import { withServer } from './support/withServer.ts';
import { withTap } from './support/withTap.ts';

/** JSON whose numbers are written as they are named here, so that digits survive the test itself. */
class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
const write = (value: unknown): string => {
  if (value instanceof NumberText) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}:${write(part)}`).join(',')}}`;
};

/** What must come out: the number itself where a double holds it, its text where it does not. */
const expected = (value: unknown): unknown => {
  if (value instanceof NumberText) {
    const { text } = value;
    if (/^-?\d+$/.test(text)) return BigInt(text) > 2n ** 53n || BigInt(text) < -(2n ** 53n) ? text : Number(text);
    return Number.isFinite(Number(text)) && (Number(text) !== 0 || !/[1-9]/.test(text.split('e')[0] ?? '')) ? Number(text) : text;
  }
  if (Array.isArray(value)) return value.map(expected);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, expected(part)]));
};

/** A value with the names of its objects sorted, -0 told from 0, and nothing read into names such as `constructor`. */
const exactText = (value: unknown): string => {
  if (Object.is(value, -0)) return '-0';
  if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'nothing';
  return `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}:${exactText(part)}`).sort().join(',')}}`;
};

const numberText = fc.oneof(
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String), fc.integer().map(String), fc.constantFrom('-0', '0', '1e400', '-1e400', '1e-400', '9007199254740992', '9007199254740993', '1.0', '0.1', '1e2', '5e-324', '-0.0'),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((double) => (Object.is(double, -0) ? '-0' : String(double))),
).map((text) => new NumberText(text));
const name = fc.oneof(fc.constantFrom('$set', '$', 'a.b', '.', '__proto__', 'constructor', '', 'é', '_id', 'key', 'data', '0'), fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !text.includes('\0')));
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, numberText, fc.boolean(), fc.constant(null), fc.string({ unit: 'grapheme', maxLength: 10 }), fc.constantFrom('\0', '\u2028', '\u{10FFFF}', '\uFEFF'), fc.array(tie('value'), { maxLength: 3 }), fc.array(fc.tuple(name, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries))),
})).value;

/** What stands around a text that should not be there: it says where it was left. */
const around = (whole: string, text: string): string => (whole.includes(text) ? whole.slice(Math.max(0, whole.indexOf(text) - 400), whole.indexOf(text) + text.length + 50) : '');

describe('from upstream to the reader', () => {
  it('every digit and name arrives as it was sent, and no secret arrives anywhere', async () => {
    const items = fc.sample(fc.array(fc.tuple(name, value), { maxLength: 6 }), { numRuns: 300, seed: 5 }).map((entries, index) => Object.fromEntries([...entries, ['the id', `k${index}`]]));
    const secret = 'c0rrect horse/battery+staple"';
    const token = 'a/token+that=comes and goes';
    const pin = 90210384756;
    const html = (text: string): string => `<p title="${text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}">${JSON.stringify(text).replaceAll('/', '\\/')} ${encodeURIComponent(Buffer.from(text).toString('base64'))}</p>`;
    const formsOf = (secret: string): string[] => [secret, encodeURIComponent(secret), encodeURIComponent(secret).toLowerCase(), new URLSearchParams({ v: secret }).toString().slice(2), Buffer.from(secret).toString('base64'), Buffer.from(`user:${secret}`).toString('base64'), JSON.stringify(secret).slice(1, -1), JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'), secret.replaceAll('"', '&quot;'), encodeURIComponent(Buffer.from(secret).toString('base64'))];
    const forms = formsOf(secret);
    const clients: string[] = [];
    await withServer((request, response) => {
      if (request.url === '/exact') response.writeHead(200, { 'content-type': 'application/json' }).end(write(items));
      else if (request.url?.startsWith('/echo')) response.writeHead(200, { 'content-type': 'application/json', etag: `"${Buffer.from(secret).toString('base64')}"` }).end(JSON.stringify([{ id: 1, url: request.url, auth: request.headers.authorization, [secret]: forms, pin, deep: [{ pin }], token: request.headers.authorization === `Bearer ${token}` ? formsOf(token) : [] }]));
      else if (request.url === '/token') {
        // The first token of a client is given, no other: what is asked for after a 401 fails.
        let form = '';
        request.on('data', (part: Buffer) => (form += part.toString())).on('end', () => {
          response.writeHead(clients.includes(form) ? 500 : 200, { 'content-type': 'application/json' }).end(JSON.stringify({ access_token: token, expires_in: 3_600 }));
          clients.push(form);
        });
      } else if (request.url === '/refused') response.writeHead(401, { 'content-type': 'text/html' }).end(`${html(request.headers.authorization ?? '')}${html(token)}`);
      else if (request.url === '/page') response.writeHead(200, { 'content-type': 'text/html' }).end(`${html(secret)}${pin}`);
      else response.writeHead(404, { 'x-echo': encodeURIComponent(secret) }).end(forms.join('\n'));
    }, ({ url }) => withGleaner((gleaner) => withTap(gleaner.amqpUrl, async (messages) => {
      await gleaner.putJob('exact', { source: { http: { url: `${url}/exact` } }, key: 'the id' });
      const http = { query: { key: '{{ secret.KEY }}' }, auth: { basic: { user: 'user', password: '{{ secret.KEY }}' } } };
      await gleaner.putJob('echo', { source: { http: { url: `${url}/echo`, ...http } }, key: 'id' });
      await gleaner.putJob('failing', { source: { http: { url: `${url}/fail`, ...http } }, key: 'id' });
      const oauth2 = (clientId: string) => ({ auth: { oauth2: { tokenUrl: `${url}/token`, clientId, clientSecret: '{{ secret.KEY }}' } }, retry: { attempts: 1 } });
      await gleaner.putJob('token', { source: { http: { url: `${url}/echo`, ...oauth2('one') } }, key: 'id' });
      await gleaner.putJob('refused', { source: { http: { url: `${url}/refused`, ...oauth2('two') } }, key: 'id' });
      await gleaner.putJob('page', { source: { http: { url: `${url}/page`, query: { pin: '{{ secret.PIN }}' } } }, format: 'json', key: 'id' });
      const ran: Record<string, string> = {};
      for (const job of ['exact', 'echo', 'failing', 'token', 'refused', 'page']) {
        const { body } = await gleaner.api<{ id: string }>('POST', `/v1/jobs/${job}/runs`, {});
        ran[job] = (await gleaner.runIn(body.id, ['succeeded', 'failed'], 60_000)).state;
      }
      expect(ran).toEqual({ exact: 'succeeded', echo: 'succeeded', failing: 'failed', token: 'succeeded', refused: 'failed', page: 'failed' });

      const { body } = await gleaner.api<{ items: { key: string; data: unknown }[] }>('GET', '/v1/jobs/exact/items?limit=1000');
      const found = new Map(body.items.map(({ key, data }) => [key, data]));
      for (const item of items) expect(exactText(found.get(String(item['the id'])))).toBe(exactText(expected(item)));

      const tries = [];
      for (const path of ['echo', 'fail', 'page']) tries.push(JSON.stringify(await gleaner.api('POST', '/v1/try', { source: { http: { url: `${url}/${path}`, ...http } }, format: 'json', key: 'id' })));
      for (const tried of tries) expect(tried).toContain('[secret.KEY]');

      await gleaner.quiet(60_000);
      // The messages too: what only passes by is as bad as what stays.
      const told = ['tick', 'report', 'try'].map((type) => messages.filter((message) => message.includes(`"type":"${type}.v1"`)).length);
      for (const count of told) expect(count).toBeGreaterThan(0);
      const left: string[] = [...messages, ...tries, ...gleaner.services.flatMap(({ lines }) => lines)];
      const { db } = gleaner.database;
      for (const { name: collection } of await db.listCollections().toArray()) for (const document of await db.collection(collection).find().toArray()) left.push(BSON.EJSON.stringify(document));
      for (const path of ['/v1/runs', '/v1/dead-letters', '/v1/jobs/echo/items', '/v1/jobs/echo/snapshots', '/v1/jobs/token/items']) left.push(JSON.stringify(await gleaner.api('GET', path)));
      const everything = left.join('\n');
      for (const name of ['KEY', 'PIN', 'token']) expect(everything).toContain(`[secret.${name}]`);
      for (const form of [...forms, ...formsOf(token), String(pin)]) {
        for (const text of [form, JSON.stringify(form).slice(1, -1)]) expect(around(everything, text)).toBe('');
      }
    }), { env: { SECRET_KEY: secret, SECRET_PIN: String(pin) } }));
  }, 240_000);
});
