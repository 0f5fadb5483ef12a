import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { withServer } from '../../../test/support/withServer.ts';
import { runTask } from './runTask.ts';
import { createTestRunAttempt, inputOf, keptItems, testAttempt } from './testing/testAttempt.ts';

interface Seen { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers']; readonly body: string }
type Answer = (request: Seen & { readonly query: URLSearchParams }) => { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: unknown };

/** An upstream that answers JSON by a function and remembers what it was asked. */
async function withUpstream<T>(answer: Answer, fn: (upstream: { url: string; seen: Seen[] }) => Promise<T>): Promise<T> {
  const seen: Seen[] = [];
  return withServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(parts).toString() };
      seen.push(one);
      const { status = 200, headers = {}, body = [{ id: 1 }] } = answer({ ...one, query: new URL(one.url, 'http://x').searchParams });
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  }, ({ url }) => fn({ url, seen }));
}
const job = (url: string, http: object = {}, more: object = {}) => ({ source: { http: { url, ...http } }, key: 'id', ...more });
const page = (from: number, count: number) => Array.from({ length: count }, (_value, index) => ({ id: from + index }));

describe('requests', () => {
  it('fill templates in, each in the way of its place', async () => {
    await withUpstream(() => ({}), async ({ url, seen }) => {
      const http = {
        url: `${url}/a/{{ params.path }}?q={{ params.path }}`, method: 'POST', query: { day: '{{ fire.at - 1d | yyyy-MM-dd }}', kyiv: '{{ fire.at | HH:mm Europe/Kyiv }}', unix: '{{ fire.at | unix }}' },
        headers: { 'X-Job': '{{ params.n }}' }, body: { n: '{{ params.n }}', text: 'n={{ params.n }}', item: '{{ trigger.item.name }}', all: '{{ trigger.item }}' },
      };
      const inputs = { params: { path: 'a/b c&d', n: 7 }, trigger: { run: 'r', items: [], item: { name: 'x"y' } } };
      expect(await testAttempt(job(url, http), { inputs })).toMatchObject({ kind: 'complete' });
      expect(seen[0]).toMatchObject({ method: 'POST', url: '/a/a%2Fb%20c%26d?q=a%2Fb%20c%26d&day=2026-11-20&kyiv=07%3A20&unix=1795238400', headers: { 'x-job': '7', 'content-type': 'application/json' } });
      expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ n: 7, text: 'n=7', item: 'x"y', all: { name: 'x"y' } });
    });
  });

  it.each([
    ['{{ params.none }}', /params.none .* has no value/], ['{{ each }}', /forEach/], ['{{ fire.at | nonsense }}', /pattern/], ['{{ fire.at + soon }}', /duration/], ['{{ env.HOME }}', /expected params/], ['{{ now | HH Nowhere/City }}', /zone/],
  ])('end as bad_template: %s', async (template, message) => {
    expect(await testAttempt(job('http://127.0.0.1:9/', { query: { q: template } }))).toMatchObject({ class: 'bad_template', message: expect.stringMatching(message), requests: 0 });
  });

  it.each(['http://{{ params.host }}/', '{{ params.url }}', 'http://a.example{{ params.x }}/', 'http://user{{ params.x }}@b.example/'])('have a literal origin: %s', async (url) => {
    expect(await testAttempt(job(url), { inputs: { params: { host: 'b', url: 'http://b', x: '.b.example' } } })).toMatchObject({ class: 'bad_template', requests: 0 });
  });

  it('cannot break out of a header', async () => {
    expect(await testAttempt(job('http://127.0.0.1:9/', { headers: { 'x-a': '{{ params.x }}' } }), { inputs: { params: { x: 'a\r\nHost: evil' } } })).toMatchObject({ class: 'bad_template' });
  });

  it.each<[string, object, unknown]>([
    ['a lone surrogate in the url', { url: 'http://127.0.0.1:9/{{ params.x }}' }, '\ud800'],
    ['letters that no header holds', { headers: { 'x-a': '{{ params.x }}' } }, 'Київ'],
    ['a control character in a header', { headers: { 'x-a': '{{ params.x }}' } }, 'a\u0007'],
    ['a way up', { url: 'http://127.0.0.1:9/v1/users/{{ params.x }}/items' }, '..'],
    ['a way up in two', { url: 'http://127.0.0.1:9/v1/users/.{{ params.x }}/items?q=1' }, '.'],
    ['a way up in disguise', { url: 'http://127.0.0.1:9/v1/%2e{{ params.x }}' }, '.'],
    ['where it stands', { url: 'http://127.0.0.1:9/v1/{{ params.x }}/items' }, '.'],
  ])('are not made of %s', async (_name, http, x) => {
    expect(await testAttempt(job('http://127.0.0.1:9/', http), { inputs: { params: { x } } })).toMatchObject({ class: 'bad_template', requests: 0 });
  });

  it('keep the url as the job writes it, and dots that lead nowhere else', async () => {
    await withUpstream(() => ({}), async ({ url, seen }) => {
      const inputs = { params: { x: '..', y: 'a.b..' } };
      await testAttempt(job(`${url}/a/../b/{{ params.y }}?flag&q=%20b&q2=a+b&s=%7E&x={{ params.x }}&day=1&day=2&é=ü`, { query: { 'da y': 'ü 1', day: '{{ params.x }}' } }), { inputs });
      await testAttempt(job(url), { inputs });
      expect(seen.map((request) => request.url)).toEqual(['/b/a.b..?flag&q=%20b&q2=a+b&s=%7E&x=..&day=..&%C3%A9=%C3%BC&da+y=%C3%BC+1', '/']);
    });
  });

  it.each<[object, object]>([
    [{ bearer: '{{ secret.T }}' }, { authorization: 'Bearer tok-1' }],
    [{ basic: { user: 'me', password: '{{ secret.T }}' } }, { authorization: `Basic ${Buffer.from('me:tok-1').toString('base64')}` }],
    [{ header: { name: 'X-Api-Key', value: '{{ secret.T }}' } }, { 'x-api-key': 'tok-1' }],
  ])('authenticate: %j', async (auth, headers) => {
    await withUpstream(() => ({}), async ({ url, seen }) => {
      expect(await testAttempt(job(url, { auth }), { secrets: { T: { value: 'tok-1' } } })).toMatchObject({ kind: 'complete' });
      expect(seen[0]?.headers).toMatchObject(headers);
    });
  });

  it('authenticate by oauth2 client credentials: one token for many requests, a new one after 401, none ever shown', async () => {
    let issued = 0;
    let refused = 0;
    const answer: Answer = ({ url, headers, body }) => {
      if (url === '/token') return body === 'grant_type=client_credentials&client_id=id-1&client_secret=sec%26ret&scope=read' ? { body: { access_token: `token-number-${(issued += 1)}`, expires_in: 3600 } } : { status: 400 };
      if (headers.authorization !== 'Bearer token-number-2') return { status: 401, body: { refused: (refused += 1), saw: headers.authorization } };
      return { body: [{ id: 1, echo: headers.authorization }] };
    };
    await withUpstream(answer, async ({ url }) => {
      const { runAttempt, close } = await createTestRunAttempt({ secrets: { S: { value: 'sec&ret' } } });
      const auth = { oauth2: { tokenUrl: `${url}/token`, clientId: 'id-1', clientSecret: '{{ secret.S }}', scope: 'read' } };
      const signal = new AbortController().signal;
      const outcomes = await Promise.all([1, 2, 3].map(() => runAttempt(inputOf(job(url, { auth })), { signal })));
      outcomes.push(await runAttempt(inputOf(job(url, { auth })), { signal }));
      expect(outcomes.map(({ kind }) => kind)).toEqual(['complete', 'complete', 'complete', 'complete']);
      expect(issued).toBe(2);
      expect(refused).toBe(3);
      expect(JSON.stringify(outcomes)).not.toMatch(/token-number|sec&ret|sec%26ret/);
      const failed = await runAttempt(inputOf(job(url, { auth: { oauth2: { ...auth.oauth2, clientId: 'other' } } })), { signal });
      expect(failed).toMatchObject({ class: 'http_4xx', status: 400 });
      await close();
    });
  });

  it('asks once per value of forEach, frozen inputs first, and fails as a whole', async () => {
    await withUpstream(({ query }) => (query.get('s') === 'BAD' ? { status: 404 } : { body: [{ id: query.get('s'), n: 1 }] }), async ({ url, seen }) => {
      const forEach = (list: string[]) => job(url, { query: { s: '{{ each }}' }, forEach: { list } });
      expect(Object.keys(keptItems(await testAttempt(forEach(['AAPL', 'MSFT']))))).toEqual(['AAPL', 'MSFT']);
      expect(Object.keys(keptItems(await testAttempt(forEach(['AAPL']), { inputs: { forEach: ['X&Y', 'Z'] } })))).toEqual(['X&Y', 'Z']);
      expect(await testAttempt(forEach(['AAPL', 'BAD', 'MSFT']))).toMatchObject({ kind: 'failed', class: 'http_4xx', requests: 2 });
      expect(seen).toHaveLength(6);
    });
  });

  it('are sent again where a kept connection had ended meanwhile', async () => {
    const sockets = new Set<unknown>();
    await withServer((request, response) => {
      // The second request over a connection finds it closed, as when a server's patience with idle ones ends.
      if (sockets.has(request.socket)) request.socket.resetAndDestroy();
      else {
        sockets.add(request.socket);
        response.setHeader('content-type', 'application/json').end(`[{"id":${sockets.size}}]`);
      }
    }, async ({ url }) => {
      const forEach = { list: ['a', 'b', 'c', 'd'] };
      expect(keptItems(await testAttempt(job(url, { query: { s: '{{ each }}' }, forEach })))).toEqual({ 1: { id: 1 }, 2: { id: 2 }, 3: { id: 3 }, 4: { id: 4 } });
      expect(await testAttempt(job(url, { query: { s: '{{ each }}' }, forEach, method: 'POST' }))).toMatchObject({ kind: 'failed', class: 'network', requests: 2 });
    });
  });

  it('keeps the spacing that the tick asks for', async () => {
    await withUpstream(({ query }) => ({ body: [{ id: query.get('s') }] }), async ({ url }) => {
      const began = performance.now();
      await testAttempt(job(url, { query: { s: '{{ each }}' }, forEach: { list: ['a', 'b', 'c'] } }), { limits: { perMinute: 600 } });
      expect(performance.now() - began).toBeGreaterThanOrEqual(195);
    });
  });

  it('keeps the spacing between the hops of a redirect and around a token too, without taking it from the time limit', async () => {
    const starts: string[] = [];
    const times: number[] = [];
    await withUpstream(({ method, url }) => {
      starts.push(`${method} ${url}`);
      times.push(performance.now());
      if (url === '/token') return { body: { access_token: 't', expires_in: 3_600 } };
      return url === '/moved' ? { body: [{ id: 1 }] } : { status: 302, headers: { location: '/moved' } };
    }, async ({ url }) => {
      const auth = { oauth2: { tokenUrl: `${url}/token`, clientId: 'id', clientSecret: 'none' } };
      // 200 ms between requests, 250 ms for each of them: two waits would not fit.
      const outcome = await testAttempt(job(`${url}/first`, { auth, timeout: '250ms' }), { spacing: 200 });
      expect(outcome).toMatchObject({ kind: 'complete' });
      expect(starts).toEqual(['POST /token', 'GET /first', 'GET /moved']);
      for (const index of [1, 2]) expect((times[index] ?? 0) - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(198);
      expect(outcome.kind === 'complete' && outcome.request.durationMs).toBeLessThan(200);
    });
  });

  it('leaves an origin alone that asked for quiet, also at the next hop', async () => {
    await withUpstream(() => ({ body: [{ id: 1 }] }), ({ url: other, seen }) => withUpstream(() => ({ status: 302, headers: { location: `${other}/x` } }), async ({ url }) => {
      const { runAttempt, pauses, close } = await createTestRunAttempt();
      try {
        pauses.pause(new URL(other).origin, Date.now() + 60_000);
        expect(await runAttempt(inputOf(job(url, { origins: [other] })), { signal: new AbortController().signal })).toMatchObject({ kind: 'failed', class: 'rate_limited' });
        expect(seen).toEqual([]);
      } finally {
        await close();
      }
    }));
  });
});

describe('pages', () => {
  it('follow next links of the header and of the body, and send keys again that links lack', async () => {
    await withUpstream(({ query }) => {
      const at = Number(query.get('at') ?? 0);
      return { body: { data: page(at, 2), paging: { next: at < 4 ? `?at=${at + 2}` : null } }, ...(at < 4 ? { headers: { link: `<https://x.example/>; rel=prev, </p?at=${at + 2}>; title="a, b"; rel="last next"` } } : {}) };
    }, async ({ url, seen }) => {
      const secrets = { K: { value: 'key-1' } };
      for (const next of ['link', { path: 'paging.next' }]) {
        const kept = keptItems(await testAttempt(job(`${url}/p`, { query: { k: '{{ secret.K }}', limit: 2 }, paginate: { next } }, { items: 'data' }), { secrets }));
        expect(Object.keys(kept)).toEqual(['0', '1', '2', '3', '4', '5']);
      }
      expect(seen.map((request) => request.url)).toEqual(['/p?k=key-1&limit=2', '/p?at=2&k=key-1', '/p?at=4&k=key-1', '/p?k=key-1&limit=2', '/p?at=2&k=key-1', '/p?at=4&k=key-1']);
    });
  });

  it('follow cursors, page numbers and offsets to their end', async () => {
    await withUpstream(({ query }) => {
      const at = Number(query.get('after') ?? query.get('skip') ?? (Number(query.get('page') ?? 1) - 1) * 2);
      return { body: { data: page(at, Math.max(0, Math.min(2, 5 - at))), meta: { cursor: at < 3 ? at + 2 : '' } } };
    }, async ({ url, seen }) => {
      for (const paginate of [{ cursor: { path: 'meta.cursor', param: 'after' } }, { page: { param: 'page', start: 1 } }, { offset: { param: 'skip', size: 2 } }]) {
        expect(Object.keys(keptItems(await testAttempt(job(url, { paginate }, { items: 'data' }))))).toEqual(['0', '1', '2', '3', '4']);
      }
      expect(seen.map((request) => request.url)).toEqual(['/', '/?after=2', '/?after=4', '/?page=1', '/?page=2', '/?page=3', '/?page=4', '/?skip=0', '/?skip=2', '/?skip=4']);
    });
  });

  it('fail where links or cursors go round, and where there are more than maxPages', async () => {
    await withUpstream(({ query }) => ({ body: { data: [{ id: query.get('at') ?? '0' }], next: `?at=${(Number(query.get('at') ?? 0) + 1) % 3}`, cursor: 'same' } }), async ({ url }) => {
      expect(await testAttempt(job(url, { paginate: { next: { path: 'next' } } }, { items: 'data' }))).toMatchObject({ class: 'bad_body', message: expect.stringContaining('leads back'), requests: 4 });
      expect(await testAttempt(job(url, { paginate: { cursor: { path: 'cursor', param: 'c' } } }, { items: 'data' }))).toMatchObject({ class: 'bad_body', requests: 2 });
      expect(await testAttempt(job(url, { paginate: { next: { path: 'next' }, maxPages: 2 } }, { items: 'data' }))).toMatchObject({ class: 'too_large', message: expect.stringContaining('maxPages'), requests: 2 });
      // An upstream that does not know the parameter answers the same page for ever.
      expect(await testAttempt(job(url, { paginate: { page: { param: 'p' } } }, { items: 'data' }))).toMatchObject({ kind: 'complete', requests: 2, counts: { kept: 1, duplicates: 0 } });
    });
  });

  it('are one answer for validators: the same bodies are unchanged, one other is not', async () => {
    let extra = 0;
    await withUpstream(({ query }) => ({ headers: { etag: '"e"' }, body: { data: page(Number(query.get('skip')), query.get('skip') === '0' ? 2 : 1), extra } }), async ({ url, seen }) => {
      const paged = job(url, { paginate: { offset: { param: 'skip', size: 2 } } }, { items: 'data' });
      const first = await testAttempt(paged);
      if (first.kind !== 'complete' || !first.validators) throw new Error(JSON.stringify(first));
      expect(first.validators).toEqual({ bodyHash: expect.any(String) });
      const validators = { run: 'r', ...first.validators };
      expect(await testAttempt(paged, { validators })).toMatchObject({ kind: 'unchanged', requests: 2 });
      expect(seen.every(({ headers }) => headers['if-none-match'] === undefined)).toBe(true);
      extra = 1;
      expect(await testAttempt(paged, { validators })).toMatchObject({ kind: 'complete' });
    });
  });

  it('share one limit of bytes', async () => {
    await withUpstream(({ query }) => ({ body: { data: page(Number(query.get('skip')), 2), pad: 'x'.repeat(600) } }), async ({ url }) => {
      expect(await testAttempt(job(url, { paginate: { offset: { param: 'skip', size: 2 } }, maxBytes: 2_000 }, { items: 'data' }))).toMatchObject({ class: 'too_large', requests: 4 });
    });
  });
});

describe('tasks and expressions', () => {
  it('integrate, in a thread, with params of the run over those of the job', async () => {
    const task = { source: { task: 'integrate', params: { f: 'x*y', a: 0, b: 1, c: 0, d: 1, size: 100 } } };
    expect(keptItems(await testAttempt(task))).toEqual({ result: { value: expect.closeTo(0.25, 9) } });
    expect(keptItems(await testAttempt(task, { inputs: { params: { f: '2' } } }))).toEqual({ result: { value: expect.closeTo(2, 9) } });
    expect(await testAttempt({ source: { task: 'integrate', params: { f: 'z' } } })).toMatchObject({ kind: 'failed', class: 'task_error' });
  });

  it('end as task_error where the collector knows no such task, as one that is older than the job', async () => {
    await expect(runTask('constructor', {}, new AbortController().signal)).rejects.toMatchObject({ class: 'task_error', message: 'expected one of integrate as the task; saw "constructor"' });
  });

  it('end in the middle of a long computation when they are aborted', async () => {
    const abort = new AbortController();
    const began = performance.now();
    const attempt = testAttempt({ source: { task: 'integrate', params: { f: 'sin(x)*cos(y)', a: 0, b: 1, c: 0, d: 1, size: 20_000 } } }, { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('cancelled')), 300);
    await expect(attempt).rejects.toThrow('cancelled');
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('evaluate JSONata beside paths, in the order of the fields', async () => {
    await withUpstream(() => ({ body: [{ id: 1, a: 10, b: 4, list: [3, 1] }, { id: 2, a: 1, b: 0, list: [] }] }), async ({ url }) => {
      const fields = { ratio: { expr: 'b = 0 ? null : a / b' }, a: 'a', top: { expr: '$max(list)' }, listed: { expr: 'list[]' }, zero: { expr: '-0' } };
      const outcome = await testAttempt(job(url, {}, { fields, where: { a: { $gt: 0 } } }));
      expect(keptItems(outcome)).toEqual({ 1: { ratio: 2.5, a: 10, top: 3, listed: [3, 1], zero: -0 }, 2: { ratio: null, a: 1, listed: [], zero: -0 } });
      expect(outcome.kind === 'complete' && outcome.items[0]?.text).toContain('"d":{"a":10,"listed":[3,1],"ratio":2.5');
    });
  });

  it('end expressions that fail or never end', async () => {
    await withUpstream(() => ({ body: [{ id: 1, a: 'text' }] }), async ({ url }) => {
      expect(await testAttempt(job(url, {}, { fields: { x: { expr: 'a * 2' } } }))).toMatchObject({ class: 'bad_body', message: expect.stringContaining('field x') });
      expect(await testAttempt(job(url, {}, { fields: { x: { expr: 'a *' } } }))).toMatchObject({ class: 'bad_body', message: expect.stringContaining('field x') });
      const began = performance.now();
      expect(await testAttempt(job(url, {}, { fields: { x: { expr: '($f := function() { $f() }; $f())' } } }))).toMatchObject({ class: 'task_error' });
      expect(performance.now() - began).toBeLessThan(15_000);
    });
  });

  it('end regular expressions that backtrack for ever', async () => {
    await withUpstream(() => ({ body: [{ id: 1, a: `${'a'.repeat(60)}!` }] }), async ({ url }) => {
      const began = performance.now();
      expect(await testAttempt(job(url, {}, { where: { a: { $regex: '^(a|a)+$' } } }))).toMatchObject({ class: 'task_error', message: expect.stringContaining('regular expressions') });
      expect(performance.now() - began).toBeGreaterThan(1_000);
      expect(await testAttempt({ source: { http: { url } }, key: '1', format: 'text', items: '^.*"((a+)+)\\$' })).toMatchObject({ class: 'task_error' });
    });
  });
});

describe('pages of people', () => {
  it('HTML by selectors, text by a regular expression', async () => {
    const html = '<!doctype html><table><tr><th>Name<th>Rate</tr><tr class=r data-id=7><td class=n> US  Dollar<td>41,5<td><a href="/usd">more</a></tr><tr class=r data-id=8><td class=n>Euro &amp; co<td>44,1</tr></table>';
    await withUpstream(({ url }) => (url === '/html' ? { headers: { 'content-type': 'text/html' }, body: html } : { headers: { 'content-type': 'text/plain' }, body: 'USD=41.5\nEUR=44.1 old\n# end' }), async ({ url }) => {
      const fields = { id: '@data-id', name: 'td.n', rate: { path: 'td:nth-child(2)', type: 'number', decimalComma: true }, link: 'a@href' };
      const table = { source: { http: { url: `${url}/html` } }, format: 'html', items: 'tr.r', key: '@data-id' };
      expect(keptItems(await testAttempt({ ...table, fields }))).toEqual({ 7: { id: '7', name: 'US Dollar', rate: 41.5, link: '/usd' }, 8: { id: '8', name: 'Euro & co', rate: 44.1 } });
      expect(keptItems(await testAttempt({ ...table, fields, where: { rate: { $gt: 42 } } }))).toHaveProperty('8');
      expect(keptItems(await testAttempt(table))).toMatchObject({ 7: { text: 'US Dollar41,5more', '@data-id': '7', '@class': 'r' } });
      expect(await testAttempt({ ...table, items: 'tr.none' })).toMatchObject({ class: 'bad_body' });
      expect(await testAttempt({ ...table, items: 'tr:::' })).toMatchObject({ class: 'bad_template' });
      const text = { source: { http: { url } }, format: 'text', items: '^(?<ccy>[A-Z]{3})=(?<rate>[\\d.]+)(?: (?<note>\\w+))?$', key: 'ccy' };
      expect(keptItems(await testAttempt(text))).toEqual({ USD: { ccy: 'USD', rate: '41.5' }, EUR: { ccy: 'EUR', rate: '44.1', note: 'old' } });
      expect(keptItems(await testAttempt({ ...text, items: '/^([a-z]+)=(.+)$/mi', key: '1' }))).toEqual({ USD: { 1: 'USD', 2: '41.5' }, EUR: { 1: 'EUR', 2: '44.1 old' } });
      expect(await testAttempt({ ...text, items: 'none' })).toMatchObject({ class: 'bad_body' });
      expect(await testAttempt({ ...text, items: '(' })).toMatchObject({ class: 'bad_template' });
    });
  });
});
