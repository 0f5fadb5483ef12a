import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { makeFeeds } from './feeds.ts';
import { startPlayback } from './startPlayback.ts';

const feeds = makeFeeds({ seed: 1, steps: { auctions: 3_600_000, rates: 60_000, manifest: 600_000 } });
const start = Date.parse('2026-11-21T05:00:30Z');
const [privat, cbr, ecb, usd] = ['/p24api/pubinfo', '/scripts/XML_daily.asp', '/stats/eurofxref/eurofxref-daily.xml', '/latest/data.json'];

interface Room {
  readonly url: string;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>;
  readonly control: (body: unknown) => Promise<{ status: number; body: { at: string; faults?: string[]; feeds: { path: string; requests: number; notModified: number }[] } }>;
}

/** A playback whose clock stands at `start` until it is moved by control. */
async function withPlayback(fn: (room: Room) => Promise<void>): Promise<void> {
  const playback = await startPlayback({ feeds, host: '127.0.0.1', port: 0, apiKey: 'right', now: () => start });
  try {
    await fn({
      url: playback.url,
      get: (path, headers = {}) => fetch(`${playback.url}${path}`, { headers: { 'accept-encoding': 'identity', ...headers } }),
      control: async (body) => {
        const answer = await fetch(`${playback.url}/control`, { method: 'POST', body: JSON.stringify(body) });
        return { status: answer.status, body: (await answer.json()) as never };
      },
    });
  } finally {
    await playback.close();
  }
}

describe('validators', () => {
  it('answer 304 without a body while nothing changed, and the new answer after time moved on', () =>
    withPlayback(async ({ get, control }) => {
      const first = await get(ecb);
      const [etag, modified] = [first.headers.get('etag') ?? '', first.headers.get('last-modified') ?? ''];
      expect([first.status, first.headers.get('content-type')]).toEqual([200, 'text/xml']);
      expect(modified).toBe('Sat, 21 Nov 2026 05:00:00 GMT');
      const body = await first.text();
      for (const headers of [{ 'if-none-match': etag }, { 'if-none-match': `"other", W/${etag}` }, { 'if-none-match': '*' }, { 'if-modified-since': modified }]) {
        const again = await get(ecb, headers);
        expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
      }
      // If-None-Match decides alone where it is given.
      expect((await get(ecb, { 'if-none-match': '"other"', 'if-modified-since': modified })).status).toBe(200);
      await control({ advance: '1m' });
      const later = await get(ecb, { 'if-none-match': etag, 'if-modified-since': modified });
      expect(later.status).toBe(200);
      expect(await later.text()).not.toBe(body);
    }));

  it.each([
    { path: privat, etag: false, modified: false },
    { path: cbr, etag: false, modified: true },
    { path: ecb, etag: true, modified: true },
    { path: usd, etag: true, modified: false },
  ])('of $path are those that it sends: etag $etag, last-modified $modified', ({ path, etag, modified }) =>
    withPlayback(async ({ get }) => {
      const answer = await get(path);
      await answer.arrayBuffer();
      expect([answer.headers.has('etag'), answer.headers.has('last-modified')]).toEqual([etag, modified]);
      expect((await get(path, { 'if-none-match': '*' })).status).toBe(etag ? 304 : 200);
      expect((await get(path, { 'if-modified-since': 'Sat, 21 Nov 2026 05:00:00 GMT' })).status).toBe(modified ? 304 : 200);
    }));

  it('of a gzipped answer differ from the plain one, and its bytes are the same answer', () =>
    withPlayback(async ({ url, get }) => {
      const plain = await get(usd);
      const zipped = await new Promise<{ body: Buffer; etag: string }>((resolve, reject) => {
        httpRequest(`${url}${usd}`, { headers: { 'accept-encoding': 'br, gzip' } }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => resolve({ body: Buffer.concat(chunks), etag: String(answer.headers.etag) }));
        }).on('error', reject).end();
      });
      expect(gunzipSync(zipped.body).toString()).toBe(await plain.text());
      expect(zipped.etag).not.toBe(plain.headers.get('etag'));
      expect((await get(usd, { 'accept-encoding': 'gzip', 'if-none-match': zipped.etag })).status).toBe(304);
      expect((await get(usd, { 'accept-encoding': 'gzip;q=0, identity', 'if-none-match': zipped.etag })).status).toBe(200);
    }));
});

describe('time', () => {
  it('moves on by control, and an answer stands until its step is over', () =>
    withPlayback(async ({ get, control }) => {
      const body = async (): Promise<string> => (await get(usd)).text();
      const first = await body();
      await control({ advance: '29s' });
      expect(await body()).toBe(first);
      const { body: told } = await control({ advance: '1s' });
      expect(told.at).toBe('2026-11-21T05:01:00.000Z');
      const second = await body();
      expect(second).not.toBe(first);
      await control({ advance: '1h' });
      expect(await body()).toBe(second);
      expect((await get(usd)).headers.get('date')).toBe('Sat, 21 Nov 2026 06:01:00 GMT');
    }));

  it('of the auction house lasts an hour', () =>
    withPlayback(async ({ get, control }) => {
      const etag = async (): Promise<string | null> => {
        const answer = await get('/v1/item/EU/nemesis?format=json&apiKey=right');
        await answer.arrayBuffer();
        return answer.headers.get('etag');
      };
      const first = await etag();
      await control({ advance: '59m' });
      expect(await etag()).toBe(first);
      await control({ advance: '1m' });
      expect(await etag()).not.toBe(first);
    }));

  it('runs at another speed without a jump', async () => {
    let now = start;
    const playback = await startPlayback({ feeds, host: '127.0.0.1', port: 0, apiKey: 'right', now: () => now });
    try {
      const at = async (body?: unknown): Promise<string> => ((await (await fetch(`${playback.url}/control`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })).json()) as { at: string }).at;
      now += 1_000;
      expect(await at({ speed: 60 })).toBe('2026-11-21T05:00:31.000Z');
      now += 1_000;
      expect(await at()).toBe('2026-11-21T05:01:31.000Z');
    } finally {
      await playback.close();
    }
  });
});

describe('the key', () => {
  it.each(['', '?apiKey=wrong', '?apikey=right'])('is asked for: 401 with %p', (query) =>
    withPlayback(async ({ get }) => {
      const answer = await get(`/v1/item/EU/nemesis${query}`);
      expect([answer.status, answer.headers.get('etag')]).toEqual([401, null]);
      expect((await answer.text()).length).toBeLessThan(200);
    }));
});

describe('the failure switch', () => {
  it('fails one feed or all, for as many requests as it says, and heals', () =>
    withPlayback(async ({ get, control }) => {
      await control({ path: usd, mode: 500, times: 2 });
      expect([(await get(usd)).status, (await get(ecb)).status, (await get(usd)).status, (await get(usd)).status]).toEqual([500, 200, 500, 200]);
      await control({ mode: '429', retryAfter: 7 });
      const limited = await get(privat);
      expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7']);
      expect((await get(cbr)).status).toBe(429);
      await control({ mode: 'ok' });
      expect([(await get(privat)).status, (await get(cbr)).status]).toEqual([200, 200]);
    }));

  it('sends an HTML page in place of data', () =>
    withPlayback(async ({ get, control }) => {
      await control({ path: usd, mode: 'garbage' });
      const answer = await get(usd);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(await answer.text()).toMatch(/^<!DOCTYPE html>/);
    }));

  it('resets the connection in the middle of the body', () =>
    withPlayback(async ({ url, control }) => {
      await control({ path: usd, mode: 'reset' });
      const seen = await new Promise<{ status: number | undefined; bytes: number; code: string }>((resolve) => {
        httpRequest(`${url}${usd}`, (answer) => {
          let bytes = 0;
          answer.on('data', (chunk: Buffer) => { bytes += chunk.length; });
          answer.on('error', (error: NodeJS.ErrnoException) => resolve({ status: answer.statusCode, bytes, code: error.code ?? '' }));
        }).on('error', () => { /* the same reset, seen from the request; the answer's own error resolves */ }).end();
      });
      expect(seen).toMatchObject({ status: 200, code: 'ECONNRESET' });
      expect(seen.bytes).toBeGreaterThan(1_000);
      expect(seen.bytes).toBeLessThan(2_000);
    }));

  it('drips the right body slowly, and lets go of a client that leaves', () =>
    withPlayback(async ({ get, control }) => {
      const right = await (await get(usd)).text();
      await control({ path: usd, mode: 'slow', delay: '200ms', times: 1 });
      const begun = performance.now();
      expect(await (await get(usd)).text()).toBe(right);
      expect(performance.now() - begun).toBeGreaterThan(180);
      await control({ path: usd, mode: 'slow', delay: '10m' });
      // The wait of a drip that goes on would keep this process alive: leaving must end it.
      const answer = await get(usd);
      await answer.body?.cancel();
    }));

  it('says every fault of a bad control request, and does nothing', () =>
    withPlayback(async ({ url, get, control }) => {
      const { status, body } = await control({ path: '/nowhere', mode: '503', times: 0, advance: 'soon', speed: -1, extra: 1 });
      expect(status).toBe(400);
      expect(body.faults).toHaveLength(6);
      expect((await control([])).status).toBe(400);
      expect((await control({})).status).toBe(400);
      expect((await fetch(`${url}/control`, { method: 'POST', body: '{' })).status).toBe(400);
      expect((await get(usd)).status).toBe(200);
    }));
});

describe('the server', () => {
  it('tells what it plays and how often it was asked', () =>
    withPlayback(async ({ get }) => {
      const etag = (await get(usd)).headers.get('etag') ?? '';
      await get(usd, { 'if-none-match': etag });
      const told = (await (await get('/')).json()) as { feeds: { path: string; requests: number; notModified: number; mode: string }[] };
      expect(told.feeds).toHaveLength(6);
      expect(told.feeds.find(({ path }) => path === usd)).toMatchObject({ requests: 2, notModified: 1, mode: 'ok' });
      expect((await get('/nothing')).status).toBe(404);
      expect((await get('/Platform/Destiny2/Manifest')).status).toBe(200);
    }));

  const main = (env: Record<string, string> = {}) =>
    spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  const firstLine = async (child: ReturnType<typeof main>): Promise<string> => String(((await once(child.stdout, 'data')) as [Buffer])[0]).trim();

  it('prints where it is and ends on SIGTERM', async () => {
    const child = main({ PLAYBACK_API_KEY: 'another' });
    try {
      const line = await firstLine(child);
      expect(line).toMatch(/^playback at http:\/\/127\.0\.0\.1:\d+$/);
      const url = line.replace('playback at ', '');
      expect((await fetch(`${url}/v1/item/EU/nemesis?apiKey=demo-key`)).status).toBe(401);
      const right = await fetch(`${url}/v1/item/EU/nemesis?apiKey=another`, { method: 'HEAD' });
      expect([right.status, right.headers.get('x-playback')]).toEqual([200, 'simulation']);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('ends when the pipe of its parent does', async () => {
    const child = main({ GLEANER_PARENT_PIPE: '1' });
    await firstLine(child);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
