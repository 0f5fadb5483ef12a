import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

/** What one check found; `detail` is shown as it is, so it must hold no secret. */
export interface CheckResult {
  readonly ok: boolean;
  readonly detail?: unknown;
}

/** What `/health/ready` answers. */
export interface ReadyAnswer {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** Named questions whose answers make a service ready; each is given 2 s, and a throw counts as not ok. */
export type HealthChecks = Readonly<Record<string, () => CheckResult | Promise<CheckResult>>>;

export interface HealthServer {
  readonly port: number;
  readonly address: string;
  /** Makes `/health/ready` answer 503 from now on: the first stage of a stop. */
  setStopping(): void;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
}

const checkMs = 2_000;

/**
 * Serves `/health/live`, `/health/ready` and `/metrics` on a port of its own (0 = a free one) and prints the ready line
 * `<service> ready, health at <address>` on stdout, whatever the log level is. Rejects where the port is taken.
 */
export async function startHealthServer(options: {
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly checks: HealthChecks;
  readonly metrics: Metrics;
  /** Where the ready line goes; default stdout. */
  readonly print?: (line: string) => void;
}): Promise<HealthServer> {
  const { service, host, port, checks, metrics, print = (line) => void process.stdout.write(`${line}\n`) } = options;
  let stopping = false;
  const server = createServer((request, response) => {
    const send = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(request.method === 'HEAD' ? undefined : body);
    };
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') send(405, 'text/plain', 'GET only\n');
    else if (path === '/health/live') send(200, 'application/json', JSON.stringify({ ok: true, service }));
    else if (path === '/metrics') send(200, 'text/plain; version=0.0.4', metrics.text());
    else if (path === '/health/ready') {
      void checkReady(stopping ? { ...checks, service: () => ({ ok: false, detail: 'stopping' }) } : checks).then((answer) =>
        send(answer.ok ? 200 : 503, 'application/json', JSON.stringify({ service, ...answer })),
      );
    } else send(404, 'text/plain', 'try /health/live, /health/ready or /metrics\n');
  });
  const bound = await listen(server, host, port);
  const address = `http://${host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host}:${bound.port}`;
  print(`${service} ready, health at ${address}`);
  return {
    port: bound.port,
    address,
    setStopping: () => {
      stopping = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Asks every check at once; what does not answer within 2 s or throws is not ok. Also what a service's own `/health/ready` route uses. */
export async function checkReady(checks: HealthChecks): Promise<ReadyAnswer> {
  const entries = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await askOne(check)] as const));
  return { ok: entries.every(([, result]) => result.ok), checks: Object.fromEntries(entries) };
}

async function askOne(check: HealthChecks[string]): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: `no answer within ${checkMs} ms` }), checkMs);
  });
  try {
    return await Promise.race([Promise.resolve().then(check), late]);
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const bound = server.address();
      if (bound !== null && typeof bound === 'object') resolve(bound);
      else reject(new Error(`expected a TCP address, got ${String(bound)}`));
    });
  });
}
