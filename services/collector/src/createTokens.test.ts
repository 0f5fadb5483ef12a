import { Readable } from 'node:stream';
import { jobDefinitionSchema } from '@gleaner/contracts';
import type { HttpSource } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { AttemptFailure } from './core/AttemptFailure.ts';
import type { Secrets } from './core/buildRequest.ts';
import { createTokens } from './createTokens.ts';
import type { FetchUpstream } from './fetchUpstream.ts';
import { testAttempt } from './testing/testAttempt.ts';

const secrets: Secrets = new Map([['S', { value: 'hunter22' }]]);
function httpOf(oauth2: object = {}): HttpSource {
  const { source } = jobDefinitionSchema.parse({ source: { http: { url: 'https://api.example/', auth: { oauth2: { tokenUrl: 'https://login.example/token', clientId: 'id-1', clientSecret: '{{ secret.S }}', ...oauth2 } } } }, key: 'id' });
  if (!('http' in source)) throw new Error('expected an http source');
  return source.http;
}

/** A token service that answers by a function, with what it was asked for. */
function tokenService(answer: (count: number) => string) {
  const forms: string[] = [];
  const fetchUpstream = (async ({ request, read }) => {
    forms.push(request.body ?? '');
    return read({ status: 200, headers: {}, url: request.url, body: Readable.from([Buffer.from(answer(forms.length))]) });
  }) as FetchUpstream;
  return { forms, fetchUpstream };
}
const signal = new AbortController().signal;
const given = (bearer: string | undefined): Promise<string | undefined> => Promise.resolve(bearer);

describe('oauth2 tokens', () => {
  it.each([
    ['an hour', 3_600, 3_570_000],
    ['less than a minute: half of it', 40, 20_000],
    ['no time given: five minutes', undefined, 270_000],
    ['nonsense', 'soon', 270_000],
  ])('are kept until 30 s before they end: %s', async (_name, expires, keptMs) => {
    let clock = 0;
    const { forms, fetchUpstream } = tokenService((count) => JSON.stringify({ access_token: `t${count}`, expires_in: expires }));
    const tokens = createTokens({ now: () => clock });
    const ask = { http: httpOf(), secrets, signal, fetchUpstream };
    expect(await tokens.using(ask, given)).toBe('t1');
    clock = keptMs - 1;
    expect(await tokens.using(ask, given)).toBe('t1');
    clock = keptMs;
    expect(await tokens.using(ask, given)).toBe('t2');
    expect(forms).toEqual(Array.from({ length: 2 }, () => 'grant_type=client_credentials&client_id=id-1&client_secret=hunter22'));
    // What was read with the last one may still be shown, for as long as an attempt may last.
    expect(tokens.known()).toEqual(['t2', 't1']);
    clock += 1_500_000;
    for (const wanted of ['t3', 't4']) {
      clock += 4_000_000;
      expect(await tokens.using(ask, given)).toBe(wanted);
    }
    expect(tokens.known()).toEqual(['t4', 't3']);
  });

  it('are asked for once by many at a time, and apart for each client, scope and service', async () => {
    const { forms, fetchUpstream } = tokenService((count) => JSON.stringify({ access_token: `t${count}` }));
    const tokens = createTokens();
    const using = (oauth2: object) => tokens.using({ http: httpOf(oauth2), secrets, signal, fetchUpstream }, given);
    expect(await Promise.all([using({}), using({}), using({})])).toEqual(['t1', 't1', 't1']);
    expect(await Promise.all([using({ clientId: 'id-2' }), using({ scope: 'read' }), using({ tokenUrl: 'https://other.example/token' })])).toEqual(['t2', 't3', 't4']);
    expect(forms).toHaveLength(4);
  });

  it('are fetched anew once where upstream answers 401, and where fetching failed', async () => {
    const { fetchUpstream } = tokenService((count) => (count === 1 ? 'not now' : JSON.stringify({ access_token: `t${count}` })));
    const tokens = createTokens();
    const ask = { http: httpOf(), secrets, signal, fetchUpstream };
    await expect(tokens.using(ask, given)).rejects.toMatchObject({ class: 'bad_body' });
    const seen: (string | undefined)[] = [];
    const refused = (bearer: string | undefined): Promise<never> => {
      seen.push(bearer);
      return Promise.reject(new AttemptFailure('http_4xx', 'expected status 2xx; saw 401', { status: 401 }));
    };
    await expect(tokens.using(ask, refused)).rejects.toMatchObject({ status: 401 });
    expect(seen).toEqual(['t2', 't3']);
  });

  it('come to those who wait for one that another asked for, although that one is given up', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    let asked = 0;
    const fetchUpstream = (({ signal: of, request, read }) => {
      asked += 1;
      if (of === second.signal) return read({ status: 200, headers: {}, url: request.url, body: Readable.from([Buffer.from('{"access_token":"mine"}')]) });
      return new Promise((_resolve, reject) => of.addEventListener('abort', () => reject(of.reason as Error)));
    }) as FetchUpstream;
    const tokens = createTokens();
    const using = (of: AbortSignal) => tokens.using({ http: httpOf(), secrets, signal: of, fetchUpstream }, given);
    const givenUp = expect(using(first.signal)).rejects.toThrow('cancelled');
    const waiting = using(second.signal);
    first.abort(new Error('cancelled'));
    await givenUp;
    expect([await waiting, asked]).toEqual(['mine', 2]);
  });

  it.each([['no JSON, which may hold a token: abc123', /no JSON/], ['{"access_token":""}', /saw none/], ['{"token":"abc123"}', /saw none/], ['null', /saw none/]])('that are none say so without showing the answer: %s', async (body, message) => {
    const { fetchUpstream } = tokenService(() => body);
    const failure = await createTokens().using({ http: httpOf(), secrets, signal, fetchUpstream }, given).catch((error: unknown) => error);
    expect(failure).toMatchObject({ class: 'bad_body', message: expect.stringMatching(message) });
    expect(String(failure)).not.toMatch(/abc123|hunter22/);
  });

  it('are asked for only where the guard and the secret allow it', async () => {
    const job = (tokenUrl: string) => ({ source: { http: { url: 'http://127.0.0.1:9/', auth: { oauth2: { tokenUrl, clientId: 'a', clientSecret: '{{ secret.S }}' } } } }, key: 'id' });
    expect(await testAttempt(job('http://169.254.169.254/token'), { secrets: { S: { value: 'hunter22' } } })).toMatchObject({ class: 'blocked_address', requests: 0 });
    expect(await testAttempt(job('http://127.0.0.1:9/token'), { secrets: { S: { value: 'hunter22', origins: ['https://login.example'] } } })).toMatchObject({ class: 'origin_not_allowed', message: expect.stringContaining('SECRET_S_ORIGINS'), requests: 0 });
    expect(await testAttempt(job('http://127.0.0.1:9/token'))).toMatchObject({ class: 'bad_template', message: expect.stringContaining('SECRET_S') });
  });
});
