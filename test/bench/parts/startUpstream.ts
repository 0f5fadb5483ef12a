import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a path answers. */
export interface Served {
  readonly body: Buffer | string;
  readonly contentType?: string;
  /** Sent as it is, and answered with 304 when it comes back. */
  readonly etag?: string;
  /** How long the answer takes to begin, ms. */
  readonly delayMs?: number;
}

/** An upstream in the bench's own process, so that the arrival of a request and the end of what it led to are told by one clock. */
export interface Upstream {
  readonly url: string;
  /** Sets what a path answers from now on; a function is asked at each request. */
  readonly serve: (path: string, served: Served | (() => Served)) => void;
  /** When the next request for the path arrives, by performance.now(). */
  readonly nextArrival: (path: string) => Promise<number>;
  /** Requests seen so far, all paths. */
  readonly requests: () => number;
  readonly close: () => Promise<void>;
}

export async function startUpstream(): Promise<Upstream> {
  const served = new Map<string, () => Served>();
  const waiting = new Map<string, ((at: number) => void)[]>();
  let requests = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = performance.now();
    requests += 1;
    const path = new URL(request.url ?? '/', 'http://upstream').pathname;
    for (const resolve of waiting.get(path)?.splice(0) ?? []) resolve(at);
    const now = served.get(path)?.();
    if (!now) {
      response.writeHead(404).end();
      return;
    }
    if (now.delayMs !== undefined) await sleep(now.delayMs);
    const headers = now.etag === undefined ? {} : { etag: now.etag };
    if (now.etag !== undefined && request.headers['if-none-match'] === now.etag) {
      response.writeHead(304, headers).end();
      return;
    }
    response.writeHead(200, { 'content-type': now.contentType ?? 'application/json', 'content-length': Buffer.byteLength(now.body), ...headers }).end(now.body);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (path, now) => {
      if (typeof now === 'function') {
        served.set(path, now);
        return;
      }
      // Made bytes once: what upstream does to answer is no part of what is measured.
      const fixed = { ...now, body: Buffer.from(now.body) };
      served.set(path, () => fixed);
    },
    nextArrival: (path) => new Promise((resolve) => { waiting.set(path, [...(waiting.get(path) ?? []), resolve]); }),
    requests: () => requests,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
