import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { auditAnswer, keysAnswer, newKeyAnswer, problemSchema } from '@gleaner/contracts/answers';
import { createSession } from '@gleaner/database';
import { withGateway } from '../testing/withGateway.ts';
import { withPrivateMongo } from '../../../../test/support/withPrivateMongo.ts';

/** What the gateway answers to bytes on a connection, until it closes that. */
async function speak(url: string, say: (socket: Socket) => Promise<void>): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1', () => { say(socket).catch(reject); });
    let text = '';
    socket.on('data', (part) => (text += part.toString()));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

const job = { source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };

describe('every error', () => {
  it('is a problem with a stable code, and tells nothing of the inside', async () => {
    await withGateway(async ({ call }) => {
      const yaml = { 'content-type': 'application/yaml' };
      const plain = { 'content-type': 'application/json' };
      const cases: [string, string, Parameters<typeof call>[2], number, string][] = [
        ['GET', '/nothing/here', {}, 404, 'no_such_path'],
        ['GET', '/v1/jobs/%ZZ', {}, 400, 'bad_path'],
        ['PATCH', '/v1/jobs/j', {}, 405, 'method_not_allowed'],
        ['GET', '/v1/dead-letters/x/y', {}, 404, 'no_such_path'],
        ['GET', `/v1/jobs?${'a&'.repeat(60_000)}`, {}, 400, 'bad_query'],
        ['GET', '/v1/jobs?__proto__=1', {}, 400, 'bad_query'],
        ['PUT', '/v1/jobs/j', {}, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: '{', headers: plain }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: 'a: 1\na: 2', headers: yaml }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: 'a: &x [*x]', headers: yaml }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: `{"where":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, headers: plain }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: `${'['.repeat(50_000)}${']'.repeat(50_000)}`, headers: yaml }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: 'a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]', headers: yaml }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: `{"where":{"a":${'['.repeat(500)}${']'.repeat(500)}}}`, headers: plain }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: 'a: !!js/function "x"', headers: yaml }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: new Uint8Array([0x22, 0xff, 0x22]), headers: plain }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: '{"where":{"a":12345678901234567890}}', headers: plain }, 400, 'bad_body'],
        ['PUT', '/v1/jobs/j', { raw: 'x', headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type'],
        ['PUT', '/v1/jobs/j', { raw: '{}', headers: { 'content-type': 'application/json; charset=windows-1251' } }, 415, 'unsupported_media_type'],
        ['PUT', '/v1/jobs/j', { raw: '{}', headers: { ...plain, 'content-encoding': 'gzip' } }, 415, 'unsupported_media_type'],
        ['PUT', '/v1/jobs/j', { raw: '"a"', headers: plain }, 422, 'bad_job'],
        ['PUT', '/v1/jobs/j', { raw: '[]', headers: plain }, 422, 'bad_job'],
        ['PUT', '/v1/jobs/j', { raw: 'null', headers: plain }, 422, 'bad_job'],
        ['PUT', '/v1/jobs/j', { raw: `"${'x'.repeat(1_100_000)}"`, headers: plain }, 413, 'too_large'],
        ['POST', '/v1/dead-letters/replay', { raw: 'ids: [a]', headers: yaml }, 415, 'unsupported_media_type'],
        ['GET', '/v1/jobs', { headers: { authorization: '' } }, 401, 'unauthenticated'],
        ['GET', '/v1/jobs', { headers: { authorization: 'Bearer glk_wrong' } }, 401, 'unauthenticated'],
        ['GET', '/v1/jobs', { headers: { authorization: 'Basic YTpi' } }, 401, 'unauthenticated'],
      ];
      for (const [method, path, options, status, code] of cases) {
        const answer = await call(method, path, options);
        const seen = problemSchema.parse(answer.json());
        expect([path, options?.raw?.toString().slice(0, 40), seen.status, seen.code, answer.status]).toEqual([path, options?.raw?.toString().slice(0, 40), status, code, status]);
        expect(answer.headers.get('content-type')).toBe('application/problem+json');
        expect(answer.text).not.toMatch(/node_modules|\.ts:\d|\\n\s+at /);
      }
      const options = await call('PATCH', '/v1/jobs/j');
      expect(options.headers.get('allow')).toBe('DELETE, GET, HEAD, PUT');
      expect((await call('GET', '/v1/jobs', { headers: { authorization: '' } })).headers.get('www-authenticate')).toContain('Bearer');
    });
  });

  it('counts bytes that come without a length, too', async () => {
    await withGateway(async ({ url, key, call }) => {
      const sent = await speak(url, async (socket) => {
        socket.write(`PUT /v1/jobs/j HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`);
        // Just over the limit, and never its end: the answer comes by what has been counted.
        for (let part = 0; part < 17; part += 1) socket.write(`10000\r\n${' '.repeat(65_536)}\r\n`);
      });
      expect(sent).toMatch(/^HTTP\/1\.1 413 [^]*"code":"too_large"/);
      expect((await fetch(`${url}/health/live`)).status).toBe(200);

      // A body that takes its time is not taken for a database that does.
      const slow = await speak(url, async (socket) => {
        const body = JSON.stringify(job);
        socket.write(`PUT /v1/jobs/j HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
        await delay(2_700);
        socket.write(body.slice(10));
      });
      expect(slow).toMatch(/^HTTP\/1\.1 201 /);
      expect((await call('GET', '/v1/jobs/j')).status).toBe(200);
    }, { answerMs: 2_500 });
  });

  it('is told even to what is no HTTP', async () => {
    await withGateway(async ({ url }) => {
      const answer = await speak(url, async (socket) => void socket.write('nonsense\r\n\r\n'));
      expect(answer).toContain('400 Bad Request');
      expect(answer).toContain('application/problem+json');
    });
  });

  it('that nothing foresaw is 500 with an id, and its cause is in the log only', async () => {
    await withGateway(async ({ url, key, database, logged }) => {
      await database.collections.runs.insertOne({ _id: 'broken' } as never); // a row that no code writes
      const response = await fetch(`${url}/v1/runs/broken`, { headers: { authorization: `Bearer ${key}` } });
      const problem = problemSchema.parse(await response.json());
      expect([response.status, problem.code]).toEqual([500, 'internal']);
      expect(JSON.stringify(problem)).not.toContain('undefined');
      const entry = logged.find(({ level }) => level === 'error');
      expect(problem.instance).toBe(`urn:gleaner:request:${String(entry?.['request'])}`);
    });
  });

  it('of a database that is away is 503 with Retry-After, soon, and readiness says which', async () => {
    await withPrivateMongo(async (mongo) => {
      await withGateway(async ({ call, url }) => {
        expect((await call('GET', '/v1/jobs')).status).toBe(200);
        expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({ ok: true, checks: { database: { ok: true, needed: true }, broker: { ok: true, needed: false } } });
        await mongo.kill();
        const started = performance.now();
        let answer = await call('GET', '/v1/jobs');
        // The first request may still meet the broken connection; what counts is that none waits for ever.
        for (let index = 0; index < 3 && answer.status !== 503; index += 1) answer = await call('GET', '/v1/jobs');
        expect([answer.status, answer.json().code, answer.headers.get('retry-after')]).toEqual([503, 'database_unavailable', '2']);
        expect(performance.now() - started).toBeLessThan(15_000);
        const ready = await fetch(`${url}/health/ready`);
        expect([ready.status, ready.headers.get('retry-after')]).toEqual([503, '2']);
        expect(await ready.json()).toMatchObject({ ok: false, checks: { database: { ok: false } } });
        expect((await fetch(`${url}/health/live`)).status).toBe(200);
      }, { mongoUrl: mongo.url });
    });
  });
});

describe('without the broker', () => {
  it('commands work all the same, and readiness says what is away', async () => {
    const away = { health: () => ({ ok: false, detail: { state: 'connecting' } }) };
    await withGateway(async ({ call }) => {
      expect((await call('PUT', '/v1/jobs/j', { body: job })).status).toBe(201);
      const run = await call('POST', '/v1/jobs/j/runs');
      expect(run.status).toBe(202);
      expect((await call('DELETE', `/v1/runs/${String(run.json()['id'])}`)).status).toBe(204);
      const ready = await call('GET', '/health/ready');
      expect([ready.status, ready.json()]).toEqual([200, expect.objectContaining({ ok: true, checks: expect.objectContaining({ broker: { ok: false, needed: false, detail: { state: 'connecting' } } }) })]);
    }, { broker: away });
  });
});

describe('keys and the audit', () => {
  it('are made, listed without their text, and revoked at once', async () => {
    await withGateway(async ({ call, key }) => {
      const made = newKeyAnswer.parse((await call('POST', '/v1/keys', { body: { name: 'reader', scopes: ['read'] } })).json());
      const as = { authorization: `Bearer ${made.key}` };
      expect((await call('GET', '/v1/jobs', { headers: as })).status).toBe(200);
      const list = await call('GET', '/v1/keys');
      expect(keysAnswer.parse(list.json()).keys.map(({ name }) => name)).toEqual(['reader', 'test']);
      expect(list.text).not.toContain(made.key);
      expect((await call('DELETE', `/v1/keys/${made.id}`)).status).toBe(204);
      expect((await call('GET', '/v1/jobs', { headers: as })).status).toBe(401);
      expect((await call('DELETE', `/v1/keys/${made.id}`)).status).toBe(404);
      const own = keysAnswer.parse((await call('GET', '/v1/keys')).json()).keys.find(({ name }) => name === 'test');
      expect((await call('DELETE', `/v1/keys/${own?.id ?? ''}`)).json()).toMatchObject({ status: 409 });
      expect((await call('GET', '/v1/jobs', { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
      for (const body of [{ name: '', scopes: ['read'] }, { name: 'x', scopes: [] }, { name: 'x', scopes: ['all'] }, { name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' }])
        expect((await call('POST', '/v1/keys', { body })).json()).toMatchObject({ status: 422, code: 'bad_request' });
    });
  });

  it('tell who asked for what and how it ended, refusals too; looking is not audited', async () => {
    await withGateway(async ({ call }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      await call('PUT', '/v1/jobs/bad', { body: {} });
      await call('GET', '/v1/jobs');
      await call('DELETE', '/v1/runs/nobody');
      const { audit } = auditAnswer.parse((await call('GET', '/v1/audit')).json());
      expect(audit.map(({ action, target, outcome, status, name }) => [action, target, outcome, status, name])).toEqual([
        ['run.cancel', 'nobody', 'refused', 404, 'test'], ['job.put', 'bad', 'refused', 422, 'test'], ['job.put', 'j', 'done', 201, 'test'],
      ]);
      expect(auditAnswer.parse((await call('GET', '/v1/audit?target=j')).json()).audit).toHaveLength(1);
    });
  });
});

describe('sessions', () => {
  it('begin with the printed link, hold in a cookie that scripts cannot read, and end', async () => {
    await withGateway(async ({ call, key }) => {
      const signedIn = await call('GET', `/?key=${key}`, { headers: { authorization: '', 'x-forwarded-proto': 'https' } });
      const cookie = signedIn.headers.get('set-cookie') ?? '';
      expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/']);
      expect(cookie).toMatch(/HttpOnly; SameSite=Strict; Max-Age=\d+$/); // not Secure: it came by http, whatever it says of a proxy
      const headers = { authorization: '', cookie: cookie.split(';')[0] ?? '' };
      expect((await call('GET', '/v1/jobs', { headers })).status).toBe(200);
      expect((await call('PUT', '/v1/jobs/j', { body: job, headers: { ...headers, 'sec-fetch-site': 'same-origin' } })).status).toBe(201);
      expect((await call('PUT', '/v1/jobs/j', { body: job, headers: { ...headers, 'sec-fetch-site': 'cross-site' } })).json().code).toBe('forbidden');
      expect((await call('DELETE', '/v1/session', { headers })).status).toBe(204);
      expect((await call('GET', '/v1/jobs', { headers })).json().code).toBe('unauthenticated');
      expect((await call('GET', '/?key=wrong', { headers: { authorization: '' } })).json().code).toBe('unauthenticated');
      expect((await call('POST', '/v1/session', { body: { key }, headers: { authorization: '' } })).status).toBe(204);
    });
  });

  it('behind a proxy that is trusted hold in a cookie for https only', async () => {
    await withGateway(async ({ call, key }) => {
      const cookie = async (forwarded: string) => (await call('POST', '/v1/session', { body: { key }, headers: { authorization: '', 'x-forwarded-proto': forwarded } })).headers.get('set-cookie');
      expect(await cookie('https')).toMatch(/; Secure$/);
      expect(await cookie('http')).not.toContain('Secure');
    }, { trustProxy: true });
  });

  it('of a key that is gone are over', async () => {
    await withGateway(async ({ call, database }) => {
      const token = await createSession({ database, key: 'nobody', lifetimeMs: 60_000 });
      expect((await call('GET', '/v1/jobs', { headers: { authorization: '', cookie: `gleaner_session=${token}` } })).status).toBe(401);
    });
  });
});

describe('the documentation', () => {
  it('is OpenAPI 3.1 of every route, with every reference resolved', async () => {
    await withGateway(async ({ call }) => {
      const document = (await call('GET', '/openapi.json', { headers: { authorization: '' } })).json() as { paths: Record<string, Record<string, { operationId: string }>>; components: { schemas: Record<string, unknown> }; openapi: string };
      expect(document.openapi).toBe('3.1.0');
      expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/v1/jobs/{job}', '/v1/jobs/{job}/items', '/v1/runs/{run}', '/v1/dead-letters/replay', '/health/ready']));
      const text = JSON.stringify(document);
      for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) expect([name, document.components.schemas[name ?? '']]).toEqual([name, expect.anything()]);
      expect(text).not.toContain('$defs');
      const ids = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
      expect(new Set(ids).size).toBe(ids.length);
      expect(text).toContain('misfire');
    });
  });

  it('is a page that fetches nothing from elsewhere', async () => {
    await withGateway(async ({ call }) => {
      const page = await call('GET', '/docs', { headers: { authorization: '' } });
      expect([page.status, page.headers.get('content-type'), page.headers.get('content-security-policy')]).toEqual([200, 'text/html; charset=utf-8', expect.stringContaining("default-src 'none'")]);
      expect(page.text).toContain('/v1/jobs/:job/items');
      expect(page.text).not.toMatch(/<script|src=|https?:\/\//);
    });
  });

  it('and the numbers need no key', async () => {
    await withGateway(async ({ call }) => {
      const answer = await call('GET', '/metrics', { headers: { authorization: '' } });
      expect(answer.text).toContain('gateway_requests_total');
    });
  });
});
