import { failureClasses } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { withFaultyUpstream } from '../../../test/support/faultyUpstream.ts';
import type { FaultyUpstream } from '../../../test/support/faultyUpstream.ts';
import { until } from '../../../test/support/until.ts';
import { withServer } from '../../../test/support/withServer.ts';
import { keptItems, testAttempt } from './testing/testAttempt.ts';

const mib = 1024 ** 2;

/** Runs `fn` and tells by how many bytes this process, upstream and collector in one, held more meanwhile; what waits for the collector of garbage counts. */
async function peakOf<T>(fn: () => Promise<T>): Promise<{ readonly value: T; readonly peak: number }> {
  const held = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = held();
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, held() - before)), 5);
  try {
    const value = await fn();
    return { value, peak: Math.max(peak, held() - before) };
  } finally {
    clearInterval(timer);
  }
}

/** One attempt on a path of the faulty upstream, and how long it took. */
async function attemptOn(upstream: FaultyUpstream, path: string, http: object = {}, job: object = {}) {
  const began = performance.now();
  const outcome = await testAttempt({ source: { http: { url: path.startsWith('http') ? path : `${upstream.url}${path}`, timeout: 400, ...http } }, key: 'id', ...job });
  return { outcome, ms: performance.now() - began };
}

describe('each fault ends in its class', () => {
  it.each<[string, string, object, object]>([
    ['/silent', 'timeout', {}, {}],
    ['/slow-drip', 'timeout', {}, {}],
    ['/endless', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, {}],
    ['/endless-item', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, {}],
    ['/endless-number', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, {}],
    ['/endless-line', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, {}],
    ['/endless-csv', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, {}],
    ['/endless-xml', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, { items: 'r.i' }],
    ['/endless-html', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, { format: 'html', items: 'li', key: '@id' }],
    ['/endless-text', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, { format: 'text', items: 'id=(?<id>.*)' }],
    ['/says-too-much', 'network', {}, {}],
    ['/says-too-little', 'network', {}, {}],
    ['/reset', 'network', {}, {}],
    ['/reset-at-once', 'network', {}, {}],
    ['/bomb', 'too_large', { maxBytes: 2 * mib, timeout: 20_000 }, {}],
    ['/gzip-cut', 'bad_body', {}, {}],
    ['/gzip-lie', 'bad_body', {}, {}],
    ['/unknown-encoding', 'bad_body', {}, {}],
    ['/html', 'bad_body', {}, {}],
    ['/html', 'bad_body', {}, { format: 'json' }],
    ['/html', 'bad_body', {}, { format: 'csv' }],
    ['/html', 'bad_body', {}, { format: 'xml', items: 'ValCurs.Valute' }],
    ['/empty', 'bad_body', {}, {}],
    ['/no-content', 'bad_body', {}, {}],
    ['/redirect-loop', 'bad_body', {}, {}],
    ['/redirect-nowhere', 'bad_body', {}, {}],
    ['/redirect-file', 'origin_not_allowed', {}, {}],
    ['/429', 'rate_limited', {}, {}],
    ['/429-drip', 'rate_limited', {}, {}],
    ['/429-endless', 'rate_limited', {}, {}],
    ['/408', 'timeout', {}, {}],
    ['/425', 'timeout', {}, {}],
    ['/404', 'http_4xx', {}, {}],
    ['/500', 'http_5xx', {}, {}],
    ['/304', 'bad_body', {}, {}],
    ['/300', 'bad_body', {}, {}],
  ])('%s is %s', async (path, failure, http, job) => {
    await withFaultyUpstream(async (upstream) => {
      const { value: { outcome, ms }, peak } = await peakOf(() => attemptOn(upstream, path, http, job));
      expect(outcome).toMatchObject({ kind: 'failed', class: failure, requests: 1 });
      expect(failureClasses).toHaveProperty(failure);
      expect(ms).toBeLessThan(5_000);
      // What was read and what is held stay near the limit, however much there is, and however small it was on its way.
      expect(outcome.evidence?.bodyBytes ?? 0).toBeLessThan(3 * mib);
      expect(peak).toBeLessThan(128 * mib);
      if (path !== '/bomb') expect(upstream.sentBytes()).toBeLessThan(20 * mib);
      await until(() => upstream.connections() <= 1);
    });
  });

  it('refuses an answer that announces too much before it comes', async () => {
    await withFaultyUpstream(async (upstream) => {
      expect((await attemptOn(upstream, '/says-too-large', { timeout: 20_000 })).outcome).toMatchObject({ kind: 'failed', class: 'too_large' });
    });
  });

  it('names what the network does', async () => {
    await withFaultyUpstream(async (upstream) => {
      expect((await attemptOn(upstream, upstream.closedUrl)).outcome).toMatchObject({ kind: 'failed', class: 'network', message: expect.stringContaining('ECONNREFUSED') });
      expect((await attemptOn(upstream, upstream.garbageUrl)).outcome).toMatchObject({ kind: 'failed', class: 'network' });
      expect((await attemptOn(upstream, `${upstream.tlsUrl}/fine`)).outcome).toMatchObject({ kind: 'failed', class: 'tls', message: expect.stringMatching(/self.signed/i) });
      expect((await attemptOn(upstream, `${upstream.url.replace('http:', 'https:')}/fine`)).outcome).toMatchObject({ kind: 'failed', class: 'tls' });
    });
  });

  it('says when to come again', async () => {
    await withFaultyUpstream(async (upstream) => {
      expect((await attemptOn(upstream, '/429')).outcome).not.toHaveProperty('retryAfterMs');
      expect((await attemptOn(upstream, '/429-seconds')).outcome).toMatchObject({ class: 'rate_limited', status: 429, retryAfterMs: 120_000, origin: upstream.url });
      expect((await attemptOn(upstream, '/503-seconds')).outcome).toMatchObject({ class: 'http_5xx', status: 503, retryAfterMs: 5_000 });
      for (const path of ['/429-minus', '/429-past', '/429-soon']) expect((await attemptOn(upstream, path)).outcome).not.toHaveProperty('retryAfterMs');
      // And who says so, where it is not whom the job asked.
      await withServer((request, response) => { response.writeHead(request.url === '/token' ? 429 : 302, { 'retry-after': '3', location: `${upstream.url}/429-seconds` }).end(); }, async ({ url }) => {
        expect((await attemptOn(upstream, url, { origins: [upstream.url] })).outcome).toMatchObject({ status: 429, origin: upstream.url });
        expect((await attemptOn(upstream, '/fine', { auth: { oauth2: { tokenUrl: `${url}/token`, clientId: 'me', clientSecret: 'x' } } })).outcome).toMatchObject({ status: 429, retryAfterMs: 3_000, origin: url });
      });
      const { outcome } = await attemptOn(upstream, '/429-date');
      expect(outcome.kind === 'failed' && outcome.retryAfterMs).toBeGreaterThan(50_000);
      expect(outcome.kind === 'failed' && outcome.retryAfterMs).toBeLessThanOrEqual(60_000);
    });
  });

  it('reads a number of a million digits to the last one', async () => {
    await withFaultyUpstream(async (upstream) => {
      const { outcome, ms } = await attemptOn(upstream, '/long-number', { timeout: 20_000 });
      const { n } = keptItems(outcome)[1] as { n: string };
      expect(n === '9'.repeat(mib)).toBe(true); // no failure shows a million digits
      expect(ms).toBeLessThan(5_000);
    });
  });

  it('reads a right body under a wrong content type', async () => {
    await withFaultyUpstream(async (upstream) => {
      expect((await attemptOn(upstream, '/image-type')).outcome).toMatchObject({ kind: 'complete', counts: { kept: 2 } });
      expect((await attemptOn(upstream, '/html-type', {}, { format: 'json' })).outcome).toMatchObject({ kind: 'complete', counts: { kept: 2 } });
    });
  });
});
