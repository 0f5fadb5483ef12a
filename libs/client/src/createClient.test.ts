import { describe, expect, it } from '@jest/globals';
import { withServer } from '../../../test/support/withServer.ts';
import { ApiError, UnreachableError } from './ApiError.ts';
import { createClient } from './createClient.ts';
import type { LiveEvent } from './readEvents.ts';

describe('createClient', () => {
  it('sends the key, escapes what it puts into paths and queries, and reads answers', async () => {
    const seen: unknown[] = [];
    await withServer((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization]);
      response.setHeader('content-type', 'application/json').end('{"items":[],"at":"2026-11-20T05:00:00.000Z"}');
    }, async ({ url }) => {
      const client = createClient({ url: `${url}/`, key: 'k' });
      await client.listItems('a b/c', { key: ['x&y', 'é'], where: { a: { $gt: 1 } }, fields: ['a', 'b.c'], limit: 5, after: undefined });
      expect(seen).toEqual([['GET', '/v1/jobs/a%20b%2Fc/items?key=x%26y&key=%C3%A9&limit=5&where=%7B%22a%22%3A%7B%22%24gt%22%3A1%7D%7D&fields=a%2Cb.c', 'Bearer k']]);
    });
  });

  it('throws problems as ApiError and everything that is no answer of a gateway as UnreachableError', async () => {
    const answers: [number, string, string][] = [
      [404, 'application/problem+json', '{"type":"x","title":"No","status":404,"code":"not_found","detail":"there is no job"}'],
      [502, 'text/html', '<h1>Bad gateway'],
      [500, 'application/problem+json', 'not json'],
    ];
    await withServer((_request, response) => {
      const [status, type, body] = answers.shift() ?? [200, 'text/plain', ''];
      response.writeHead(status, { 'content-type': type }).end(body);
    }, async ({ url }) => {
      const client = createClient({ url });
      await expect(client.getJob('x')).rejects.toMatchObject({ name: 'ApiError', status: 404, problem: { code: 'not_found' } });
      await expect(client.getJob('x')).rejects.toBeInstanceOf(UnreachableError);
      await expect(client.getJob('x')).rejects.toBeInstanceOf(UnreachableError);
    });
    const closed = await withServer(() => undefined, ({ url }) => url);
    await expect(createClient({ url: closed }).getJob('x')).rejects.toMatchObject({ name: 'UnreachableError', message: expect.stringContaining('ECONNREFUSED') });
    await withServer(() => undefined, async ({ url }) => {
      await expect(createClient({ url, timeoutMs: 50 }).getJob('x')).rejects.toBeInstanceOf(UnreachableError);
    });
  });

  it('reads live events over breaks, going on after the last it saw', async () => {
    const asked: (string | undefined)[] = [];
    await withServer((request, response) => {
      asked.push(request.headers['last-event-id'] as string | undefined);
      if (asked.length === 3) {
        response.writeHead(403, { 'content-type': 'application/problem+json' }).end('{"type":"x","title":"No","status":403,"code":"forbidden"}');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const run = asked.length === 1 ? 'j@1' : 'j@2';
      const text = `retry: 1\n\nid: e-0\n\n: \n\nid: e-${asked.length}\nevent: run\ndata: {"kind":"run","run":"${run}","job":"j","state":"due","rev":1,"at":"2026-11-20T05:00:00.000Z"}\n\nevent: gap\ndata: {}\n\n`;
      // In parts that cut through lines.
      response.write(text.slice(0, 40));
      setImmediate(() => response.end(text.slice(40)));
    }, async ({ url }) => {
      const events: LiveEvent[] = [];
      const reading = (async () => {
        for await (const event of createClient({ url }).events()) events.push(event);
      })();
      await expect(reading).rejects.toBeInstanceOf(ApiError);
      expect(events.map((event) => (event.kind === 'run' ? event.run : event.kind))).toEqual(['j@1', 'gap', 'j@2', 'gap']);
      expect(asked).toEqual([undefined, 'e-1', 'e-2']);
    });
  });
});
