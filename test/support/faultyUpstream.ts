import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** An upstream that really does what it should not. */
export interface FaultyUpstream {
  readonly url: string;
  /** The same over TLS, with a certificate that nobody signed. */
  readonly tlsUrl: string;
  /** Speaks no HTTP at all. */
  readonly garbageUrl: string;
  /** Nobody listens there. */
  readonly closedUrl: string;
  /** Bytes of bodies that were handed to the network, compressed ones as they are. */
  readonly sentBytes: () => number;
  /** Connections that are open now. */
  readonly connections: () => number;
}

/** A gzip body of a few kilobytes that becomes 512 MiB. */
const bomb = (): Buffer => {
  const member = gzipSync(Buffer.alloc(16 * 1024 ** 2), { level: 9 });
  return Buffer.concat(Array.from({ length: 32 }, () => member));
};

const json = { 'content-type': 'application/json' };
const items = JSON.stringify([{ id: 1 }, { id: 2 }]);

type Send = (response: ServerResponse, part: string | Buffer) => boolean;
type Fault = (response: ServerResponse, send: Send, request: IncomingMessage) => void;

/** Begins well and then goes on with the same for ever, as fast as it is read. */
const endless = (type: string, begin: string, part: string, status = 200, headers: Readonly<Record<string, string>> = {}): Fault => (response, send) => {
  response.writeHead(status, { 'content-type': type, ...headers });
  const pump = (): void => {
    while (!response.destroyed && send(response, part));
  };
  response.on('drain', pump);
  send(response, begin);
  pump();
};
const long = 'x'.repeat(65_536);

/** What each path does. */
const faults: Readonly<Record<string, Fault>> = {
  '/fine': (response) => void response.writeHead(200, json).end(items),
  '/silent': () => undefined,
  '/slow-drip': (response, send) => {
    response.writeHead(200, json);
    const timer = setInterval(() => send(response, ' '), 20);
    response.on('close', () => clearInterval(timer));
  },
  '/endless': endless('application/json', '[', `{"id":1,"text":"${long}"},`),
  '/endless-item': endless('application/json', '[{"id":"', long),
  '/endless-number': endless('application/json', '[{"id":1', '1'.repeat(65_536)),
  '/endless-line': endless('application/x-ndjson', '{"id":"', long),
  '/endless-csv': endless('text/csv', 'id,text\n1,"', long),
  '/endless-xml': endless('text/xml', '<r><i><id>', long),
  '/endless-html': endless('text/html', '<ul><li id="1">', long),
  '/endless-text': endless('text/plain', 'id=', long),
  '/long-number': (response) => void response.writeHead(200, json).end(`[{"id":1,"n":${'9'.repeat(1024 ** 2)}}]`),
  '/says-too-much': (response, send) => {
    response.writeHead(200, { ...json, 'content-length': '1000' });
    send(response, items);
    setTimeout(() => response.socket?.end(), 20);
  },
  '/says-too-little': (response) => {
    response.socket?.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n${items}`);
  },
  '/says-too-large': (response) => {
    response.writeHead(200, { ...json, 'content-length': String(10 * 1024 ** 3) }).flushHeaders();
  },
  '/reset': (response, send) => {
    response.writeHead(200, json);
    send(response, items.slice(0, 10));
    setTimeout(() => response.socket?.resetAndDestroy(), 20);
  },
  '/reset-at-once': (response) => void response.socket?.resetAndDestroy(),
  '/bomb': (response, send) => {
    response.writeHead(200, { ...json, 'content-encoding': 'gzip' });
    send(response, bomb());
    response.end();
  },
  '/gzip-cut': (response) => void response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync(items).subarray(0, 15)),
  '/gzip-lie': (response) => void response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(items),
  '/unknown-encoding': (response) => void response.writeHead(200, { ...json, 'content-encoding': 'sdch' }).end(items),
  '/image-type': (response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(items),
  '/html-type': (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(items),
  '/html': (response) => void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html><html><body><h1>Scheduled maintenance</h1></body></html>'),
  '/empty': (response) => void response.writeHead(200, json).end(),
  '/no-content': (response) => void response.writeHead(204).end(),
  '/redirect-loop': (response) => void response.writeHead(302, { location: '/redirect-loop' }).end(),
  '/redirect-nowhere': (response) => void response.writeHead(302).end(),
  '/redirect-file': (response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/429': (response) => void response.writeHead(429).end('slow down'),
  '/429-seconds': (response) => void response.writeHead(429, { 'retry-after': '120' }).end('slow down'),
  '/429-date': (response) => void response.writeHead(429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).end('slow down'),
  '/429-past': (response) => void response.writeHead(429, { 'retry-after': new Date(Date.now() - 60_000).toUTCString() }).end('slow down'),
  '/429-minus': (response) => void response.writeHead(429, { 'retry-after': '-5' }).end('slow down'),
  '/429-soon': (response) => void response.writeHead(429, { 'retry-after': 'soon 5' }).end('slow down'),
  '/503-seconds': (response) => void response.writeHead(503, { 'retry-after': '5' }).end(),
  '/429-drip': (response, send) => {
    response.writeHead(429, { 'retry-after': '9' });
    const timer = setInterval(() => send(response, ' '), 20);
    response.on('close', () => clearInterval(timer));
  },
  '/429-endless': endless('text/plain', 'slow', long, 429, { 'retry-after': '1' }),
};

/** Runs `fn` with an upstream that misbehaves by path (any number as a path is that status), and ends it with its connections afterwards. */
export async function withFaultyUpstream<T>(fn: (upstream: FaultyUpstream) => T | Promise<T>): Promise<T> {
  let sent = 0;
  const send: Send = (response, part) => {
    sent += part.length;
    return response.write(part);
  };
  const listener: RequestListener = (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const fault = faults[path];
    if (fault) fault(response, send, request);
    else response.writeHead(/^\/\d{3}$/.test(path) ? Number(path.slice(1)) : 404).end('no');
  };
  const plain = createServer(listener);
  const tls = createTlsServer({ key, cert }, listener);
  const garbage = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-OpenSSH_9.6\r\n');
  });
  const closed = createTcpServer();
  const ports = await Promise.all([plain, tls, garbage, closed].map(listen));
  await close(closed);
  const [plainPort, tlsPort, garbagePort, closedPort] = ports;
  let open = 0;
  plain.on('connection', (socket) => {
    open += 1;
    socket.on('close', () => (open -= 1));
  });
  // Half-open connections would keep a server from closing.
  const sockets = new Set<Socket>();
  for (const server of [plain, tls, garbage]) server.on('connection', (socket: Socket) => sockets.add(socket));
  try {
    return await fn({
      url: `http://127.0.0.1:${plainPort}`, tlsUrl: `https://127.0.0.1:${tlsPort}`, garbageUrl: `http://127.0.0.1:${garbagePort}`, closedUrl: `http://127.0.0.1:${closedPort}`,
      sentBytes: () => sent, connections: () => open,
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await Promise.all([plain, tls, garbage].map(close));
  }
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
const close = (server: Server): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));

// Made for this file alone, valid for a hundred years, trusted by nobody.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqFFBhiYiB1h3UcGz
GFdOn6qpW7Hh/miOpJ371aNdY8GhRANCAATvpV9lmn7yXsUwXjk0y8pC91gOJXVd
ORqUbRmepYM+SFAbaDxsOBdQm9Vo0u9Gj1HcShrVy7Nzc1WawDClmnyY
-----END PRIVATE KEY-----
`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUS3wrq5m9J79fXs7pqfr0vZAP36gwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTA0MjI0MloYDzIxMjYxMDI4
MDQyMjQyWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATvpV9lmn7yXsUwXjk0y8pC91gOJXVdORqUbRmepYM+SFAbaDxsOBdQ
m9Vo0u9Gj1HcShrVy7Nzc1WawDClmnyYo2QwYjAdBgNVHQ4EFgQUYgapTHscf3qD
zXBg/u6x6rq9nLkwHwYDVR0jBBgwFoAUYgapTHscf3qDzXBg/u6x6rq9nLkwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQDMBtoZ1iGPoVGIVv7elX6MpmEKpvcV3gH2Ly2IxLeS9QIgd30KQ14gL4eoa2Sj
+KIQYA+Eu9HJ6+cCqVpCHdVYGtE=
-----END CERTIFICATE-----
`;
