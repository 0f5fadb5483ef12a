import type { LookupAddress } from 'node:dns';
import { get } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { withServer } from '../../../test/support/withServer.ts';
import { AttemptFailure } from './core/AttemptFailure.ts';
import { createGuardedAgents } from './createGuardedAgents.ts';
import type { Lookup } from './createGuardedAgents.ts';
import { keptItems, loopback, testAttempt } from './testing/testAttempt.ts';

const job = (url: string, http: object = {}) => ({ source: { http: { url, timeout: 2_000, ...http } }, key: 'id' });
const lookupOf = (answers: Record<string, readonly (readonly string[])[]>): Lookup & { asked: string[] } => {
  const asked: string[] = [];
  const lookup: Lookup = (hostname, _options, callback) => {
    const rounds = answers[hostname] ?? [[]];
    const round = rounds[Math.min(asked.filter((name) => name === hostname).length, rounds.length - 1)] ?? [];
    asked.push(hostname);
    const addresses: LookupAddress[] = round.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    process.nextTick(() => (addresses.length > 0 ? callback(null, addresses) : callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), [])));
  };
  return Object.assign(lookup, { asked });
};

/** A server that counts what reached it. */
async function withSecretService<T>(fn: (service: { url: string; port: number; hits: () => number }) => Promise<T>): Promise<T> {
  let hits = 0;
  return withServer((_request, response) => {
    hits += 1;
    response.setHeader('content-type', 'application/json').end('[{"id":"the crown jewels"}]');
  }, ({ url, port }) => fn({ url, port, hits: () => hits }));
}

describe('the guard', () => {
  it.each(['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '0', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:7f00:1]', 'localhost', '%31%32%37.0.0.1', '１２７.0.0.1'])('refuses http://%s', async (host) => {
    await withSecretService(async ({ port, hits }) => {
      expect(await testAttempt(job(`http://${host}:${port}/`), { allowNetworks: [] })).toMatchObject({ kind: 'failed', class: 'blocked_address', message: expect.stringContaining('ALLOW_NETWORKS') });
      expect(hits()).toBe(0);
    });
  });

  it.each(['http://169.254.169.254/latest/meta-data/', 'http://[fd00:ec2::254]/', 'http://100.100.100.200/', 'http://0xa9fea9fe/', 'http://2852039166/', 'http://[64:ff9b::a9fe:a9fe]/', 'http://[64:ff9b::7f00:1]/', 'http://[2002:7f00:1::1]/', 'http://[2002:a9fe:a9fe::]/'])('refuses the metadata service at %s', async (url) => {
    expect(await testAttempt(job(url), { allowNetworks: [] })).toMatchObject({ kind: 'failed', class: 'blocked_address' });
  });

  it('refuses a name that leads inside, and never a name alone: whatever it answers later is not asked', async () => {
    await withSecretService(async ({ port, hits }) => {
      const inside = lookupOf({ 'inside.example': [['127.0.0.1']], 'mapped.example': [['::ffff:127.0.0.1']], 'nat64.example': [['64:ff9b::7f00:1']], '6to4.example': [['2002:7f00:1::1']] });
      for (const name of ['inside.example', 'mapped.example', 'nat64.example', '6to4.example']) {
        expect(await testAttempt(job(`http://${name}:${port}/`), { allowNetworks: [], lookup: inside })).toMatchObject({ class: 'blocked_address', message: expect.stringContaining(name) });
      }
      // Rebinding: public when it is judged, private when it is connected to.
      const rebinding = lookupOf({ 'rebind.example': [['8.8.8.8'], ['127.0.0.1']] });
      expect(await testAttempt(job(`http://rebind.example:${port}/`), { allowNetworks: [], lookup: rebinding })).toMatchObject({ class: 'blocked_address' });
      expect(hits()).toBe(0);
    });
  });

  it('checks the connected socket itself, whatever was judged before', async () => {
    await withSecretService(async ({ url, hits }) => {
      const agents = createGuardedAgents({ allowNetworks: [] });
      const error = await new Promise((resolve) => get(url, { agent: agents.http }).on('error', resolve).on('response', resolve));
      expect(error).toMatchObject({ class: 'blocked_address' });
      expect(hits()).toBe(0);
      agents.close();
    });
  });

  it('connects to those addresses of a name that may be reached', async () => {
    await withSecretService(async ({ port }) => {
      const mixed = lookupOf({ 'mixed.example': [['10.1.2.3', '127.0.0.1']] });
      expect(keptItems(await testAttempt(job(`http://mixed.example:${port}/`), { lookup: mixed, allowNetworks: loopback }))).toHaveProperty(['the crown jewels']);
    });
  });

  it('says `network` for a name that does not exist', async () => {
    expect(await testAttempt(job('http://nowhere.example/'), { lookup: lookupOf({}) })).toMatchObject({ class: 'network', message: expect.stringContaining('ENOTFOUND') });
  });

  it('gives a name server no longer than a request, and stops waiting with the attempt', async () => {
    let silent = 0;
    const lookup: Lookup = (hostname, _options, callback) => {
      if (hostname.startsWith('silent')) silent += 1;
      else callback(null, [{ address: '127.0.0.1', family: 4 }]);
    };
    await withServer((request, response) => {
      if (request.url === '/redirect') response.writeHead(302, { location: 'http://silent.example/' }).end();
      else response.writeHead(200, { 'content-type': 'application/json', link: '<http://silent.example/>; rel="next"' }).end('[{"id":1}]');
    }, async ({ port }) => {
      const timedOut = { kind: 'failed', class: 'timeout' };
      const short = { timeout: 150 };
      expect(await testAttempt(job('http://silent.example/', short), { lookup })).toMatchObject(timedOut);
      expect(await testAttempt(job(`http://a.example:${port}/redirect`, short), { lookup })).toMatchObject(timedOut);
      expect(await testAttempt(job(`http://a.example:${port}/page`, { ...short, paginate: { next: 'link' } }), { lookup })).toMatchObject(timedOut);
      const deadline = new AbortController();
      const waiting = testAttempt(job('http://silent.example/'), { lookup, signal: deadline.signal });
      await until(() => silent === 4);
      deadline.abort(new AttemptFailure('deadline', 'expected an end'));
      expect(await waiting).toMatchObject({ kind: 'failed', class: 'deadline' });
    });
  });

  it('judges every redirect: the address first, then the origin', async () => {
    await withSecretService(async (secret) => {
      await withServer((request, response) => void response.writeHead(302, { location: new URLSearchParams(request.url?.split('?')[1]).get('to') ?? '' }).end(), async ({ url, port }) => {
        const own = [{ address: '127.0.0.1', prefix: 32, family: 4 as const, port }];
        const to = (target: string, http: object = {}, allowNetworks: readonly { address: string; prefix: number; family: 4; port?: number }[] = own) => testAttempt(job(`${url}/?to=${encodeURIComponent(target)}`, http), { allowNetworks });
        expect(await to(`${secret.url}/`, { origins: [secret.url] })).toMatchObject({ class: 'blocked_address' });
        expect(await to('http://169.254.169.254/')).toMatchObject({ class: 'blocked_address' });
        expect(await to(`http://0x7f.1:${secret.port}/`)).toMatchObject({ class: 'blocked_address' });
        expect(await to('https://8.8.8.8/')).toMatchObject({ class: 'origin_not_allowed' });
        expect(await to('gopher://127.0.0.1/')).toMatchObject({ class: 'origin_not_allowed' });
        expect(await to(`${secret.url}/`, {}, loopback)).toMatchObject({ class: 'origin_not_allowed', message: expect.stringContaining('source.http.origins') });
        expect(secret.hits()).toBe(0);
        expect(keptItems(await to(`${secret.url}/`, { origins: [secret.url] }, loopback))).toHaveProperty(['the crown jewels']);
      });
    });
  });

  it('judges next links too', async () => {
    await withSecretService(async (secret) => {
      await withServer((_request, response) => void response.writeHead(200, { 'content-type': 'application/json', link: `<${secret.url}/2>; rel="next"` }).end('[{"id":1}]'), async ({ url, port }) => {
        const own = [{ address: '127.0.0.1', prefix: 32, family: 4 as const, port }];
        expect(await testAttempt(job(url, { paginate: { next: 'link' } }), { allowNetworks: own })).toMatchObject({ class: 'blocked_address', requests: 1 });
        expect(await testAttempt(job(url, { paginate: { next: 'link' } }))).toMatchObject({ class: 'origin_not_allowed', requests: 1 });
        expect(secret.hits()).toBe(0);
        expect(Object.keys(keptItems(await testAttempt(job(url, { paginate: { next: 'link' }, origins: [secret.url] }))))).toEqual(['1', 'the crown jewels']);
      });
    });
  });
});

describe('secrets', () => {
  const value = 'p@ss word/+"\\ß';

  it('go only where they may', async () => {
    await withServer((_request, response) => void response.setHeader('content-type', 'application/json').end('[{"id":1}]'), async ({ url }) => {
      const elsewhere = { KEY: { value, origins: ['https://api.example'] } };
      expect(await testAttempt(job(url, { headers: { 'x-key': 'k' }, query: { key: '{{ secret.KEY }}' } }), { secrets: elsewhere })).toMatchObject({ class: 'origin_not_allowed', message: expect.stringContaining('SECRET_KEY_ORIGINS') });
      expect(await testAttempt(job(url, { query: { key: '{{ secret.KEY }}' } }), { secrets: { KEY: { value, origins: [url] } } })).toMatchObject({ kind: 'complete' });
      expect(await testAttempt(job(url, { query: { key: '{{ secret.NONE }}' } }))).toMatchObject({ class: 'bad_template', message: expect.stringContaining('SECRET_NONE') });
    });
  });

  it('stay behind when a redirect leads to another origin, unless they name it', async () => {
    const seen: Record<string, unknown>[] = [];
    await withServer((request, response) => {
      seen.push({ ...request.headers });
      response.setHeader('content-type', 'application/json').end('[{"id":1}]');
    }, async (target) => {
      await withServer((_request, response) => void response.writeHead(307, { location: `${target.url}/` }).end(), async ({ url }) => {
        const http = { origins: [target.url], headers: { 'x-key': '{{ secret.KEY }}', 'x-plain': 'p' }, auth: { bearer: '{{ secret.TOKEN }}' } };
        const secrets = { KEY: { value: 'key-value-1' }, TOKEN: { value: 'token-value-1' } };
        expect(await testAttempt(job(url, http), { secrets })).toMatchObject({ kind: 'complete' });
        expect(seen[0]).toMatchObject({ 'x-plain': 'p' });
        expect(JSON.stringify(seen[0])).not.toMatch(/key-value-1|token-value-1/);
        await testAttempt(job(url, http), { secrets: { ...secrets, KEY: { value: 'key-value-1', origins: [url, target.url] } } });
        expect(seen[1]).toMatchObject({ 'x-key': 'key-value-1' });
        expect(seen[1]).not.toHaveProperty('authorization');
        expect(await testAttempt(job(url, { origins: [target.url], method: 'POST', body: { key: '{{ secret.KEY }}' } }), { secrets })).toMatchObject({ class: 'origin_not_allowed' });
        expect(seen).toHaveLength(2);
      });
    });
  });

  it('stay behind at another origin where they stand in the job, as far as a header says so', async () => {
    const seen: Record<string, unknown>[] = [];
    await withServer((request, response) => {
      seen.push({ ...request.headers });
      response.setHeader('content-type', 'application/json').end('[{"id":2}]');
    }, async (target) => {
      await withServer((request, response) => {
        if (request.url === '/page') response.writeHead(200, { 'content-type': 'application/json', link: `<${target.url}/>; rel="next"` }).end('[{"id":1}]');
        else response.writeHead(307, { location: `${target.url}/` }).end();
      }, async ({ url }) => {
        const headers = { Authorization: 'Bearer literal-1', cookie: 'session={{ params.t }}', 'Proxy-Authorization': 'Basic bGl0', 'x-plain': 'p' };
        for (const http of [{ url }, { url: `${url}/page`, paginate: { next: 'link' } }]) {
          expect(await testAttempt(job(url, { ...http, origins: [target.url], headers }), { inputs: { params: { t: 'literal-2' } } })).toMatchObject({ kind: 'complete' });
        }
        // Unless a secret in it names that origin.
        await testAttempt(job(url, { origins: [target.url], headers: { authorization: 'Bearer {{ secret.KEY }}' } }), { secrets: { KEY: { value, origins: [url, target.url] } } });
        expect(seen.map(({ authorization, cookie, 'proxy-authorization': proxy, 'x-plain': plain }) => [authorization, cookie, proxy, plain])).toEqual([[undefined, undefined, undefined, 'p'], [undefined, undefined, undefined, 'p'], [`Bearer ${value}`, undefined, undefined, undefined]]);
      });
    });
  });

  it('are in no evidence: neither a token that was refused, where no other came, nor what no JSON says of one', async () => {
    let tokens = 0;
    await withServer((request, response) => {
      const { authorization = '' } = request.headers;
      if (request.url === '/token') response.writeHead((tokens += 1) === 1 ? 200 : 500, { 'content-type': 'application/json' }).end('{"access_token":"t0ken/number+one","expires_in":3600}');
      else if (request.url === '/pin') response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1,"pin":87654321,"deep":[{"x":-87654321}],"not":876543210}]');
      else response.writeHead(401, { 'content-type': 'text/html' }).end(`<p title="${authorization}">${authorization.replaceAll('/', '\\/')}&lt;${Buffer.from(authorization).toString('base64')}`);
    }, async ({ url }) => {
      const auth = { oauth2: { tokenUrl: `${url}/token`, clientId: 'id', clientSecret: '{{ secret.S }}' } };
      const refused = await testAttempt(job(url, { auth }), { secrets: { S: { value: 'client-secret' } } });
      expect(refused).toMatchObject({ kind: 'failed', class: 'http_5xx', evidence: { status: 401, body: expect.stringContaining('Bearer [secret.token]') } });
      expect(JSON.stringify(refused)).not.toMatch(/t0ken|number/);
      expect(keptItems(await testAttempt(job(`${url}/pin`), { secrets: { PIN: { value: '87654321' } } }))).toEqual({ 1: { id: 1, pin: '[secret.PIN]', deep: [{ x: '[secret.PIN]' }], not: 876543210 } });
    });
  });

  it('are in nothing that an attempt leaves behind, whatever upstream echoes', async () => {
    const forms = (text: string) => [text, encodeURIComponent(text), encodeURIComponent(text).toLowerCase(), new URLSearchParams({ v: text }).toString().slice(2), Buffer.from(text).toString('base64'), Buffer.from(`user:${text}`).toString('base64'), Buffer.from(text).toString('base64url'), Buffer.from(text).toString('hex'), JSON.stringify(text)];
    await withServer((request, response) => {
      const failing = request.url?.startsWith('/fail');
      const echoes = [request.url, request.headers.authorization, ...forms(value)];
      response.writeHead(failing ? 500 : 200, { 'content-type': 'application/json', etag: `"${Buffer.from(value).toString('base64')}"`, 'x-echo': encodeURIComponent(value) });
      response.end(JSON.stringify([{ id: 1, echoes, [value]: value, nested: { [`x ${value}`]: [value] } }, { id: value, n: 1 }]));
    }, async ({ url }) => {
      const secrets = { KEY: { value } };
      const http = { query: { key: '{{ secret.KEY }}' }, auth: { basic: { user: 'user', password: '{{ secret.KEY }}' } } };
      const outcomes = [
        await testAttempt(job(`${url}/fine`, http), { secrets }),
        await testAttempt({ ...job(`${url}/fine`, http), fields: { first: { path: 'echoes', type: 'number' }, e: { expr: '$string($)' } } }, { secrets }),
        await testAttempt(job(`${url}/fail`, http), { secrets }),
        await testAttempt({ ...job(`${url}/fine`, http), key: 'no.such' }, { secrets }),
        await testAttempt({ ...job(`${url}/fine`, http), format: 'xml', items: 'a' }, { secrets }),
        await testAttempt(job(`${url}/fine{{ params.x }}`, { ...http, timeout: 100 }), { secrets, inputs: { params: { x: { y: value } } } }),
      ];
      const left = JSON.stringify(outcomes);
      for (const form of forms(value)) {
        expect(left).not.toContain(form);
        expect(left).not.toContain(JSON.stringify(form).slice(1, -1));
      }
      expect(left).toContain('[secret.KEY]');
      expect(outcomes.map(({ kind }) => kind)).toEqual(['complete', 'complete', 'failed', 'failed', 'failed', 'failed']);
    });
  });
});
