import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Problem } from '@gleaner/contracts';
import { problemOf } from './core/problem.ts';

/** Of a request's address and headers: room for the thousand keys that one may ask for. Node's own 16 KiB are not. */
const maxHeadBytes = 128 * 1024;

export interface HttpServer {
  readonly port: number;
  /** Where a person on this machine finds it. */
  readonly address: string;
  /** Takes no more connections, lets what is under way end (within `deadlineMs`), then closes what is left. */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}

export interface HttpOptions {
  readonly handler: (request: IncomingMessage, response: ServerResponse) => unknown;
  readonly host: string;
  readonly port: number;
  /** For a request to have come whole, its body included; its head has half of that. */
  readonly requestMs?: number;
  /** How often connections are looked at for it. */
  readonly checkMs?: number;
}

/** Listens with this handler; what is no HTTP at all, or does not come whole in time, gets a problem too. Rejects where the port is taken. */
export async function startHttp({ handler, host, port, requestMs = 60_000, checkMs = 5_000 }: HttpOptions): Promise<HttpServer> {
  const server = createServer({ keepAliveTimeout: 65_000, headersTimeout: requestMs / 2, requestTimeout: requestMs, connectionsCheckingInterval: checkMs, maxHeaderSize: maxHeadBytes, noDelay: true }, (request, response) => void handler(request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const problem = problemIn(error.code, requestMs);
    const body = JSON.stringify(problem);
    socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return {
    port: bound.port,
    address: `http://${shown}:${bound.port}`,
    close: async ({ deadlineMs = 8_000 } = {}) => {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      // A kept connection that falls idle later (a stream that has just ended) would stay until its time-out.
      const idle = setInterval(() => server.closeIdleConnections(), 25);
      const last = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      clearInterval(idle);
      clearTimeout(last);
    },
  };
}

function problemIn(code: string | undefined, requestMs: number): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return problemOf('headers_too_large', `expected an address and headers of at most ${maxHeadBytes / 1_024} KiB together`);
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problemOf('request_timeout', `expected the head of a request within ${requestMs / 2_000} s and all of it within ${requestMs / 1_000} s`);
  return problemOf('bad_header', 'this is no HTTP request');
}
