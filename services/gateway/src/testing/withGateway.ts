import type { Broker } from '@gleaner/broker';
import type { EventMessage } from '@gleaner/contracts';
import { connectDatabase, createKey, setupDatabase, type Database } from '@gleaner/database';
import { createLogger, createMetrics } from '@gleaner/runtime';
import { withReadyMongo } from '../../../../test/support/withReadyMongo.ts';
import { createGateway } from '../createGateway.ts';
import { startHttp } from '../startHttp.ts';
import { createFakeBroker, type FakeBroker } from './createFakeBroker.ts';

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; fails where it is none. */
  readonly json: () => Record<string, unknown> & { code?: string; faults?: { path: string; code: string }[] };
}

export interface TestGateway {
  readonly database: Database;
  readonly broker: FakeBroker;
  readonly url: string;
  /** A key with all scopes. */
  readonly key: string;
  /** What was logged, as objects. */
  readonly logged: Record<string, unknown>[];
  readonly stop: () => void;
  /** Asks with the key unless the headers say otherwise. */
  call(method: string, path: string, options?: { readonly body?: unknown; readonly raw?: string | Uint8Array; readonly headers?: Readonly<Record<string, string>> }): Promise<TestAnswer>;
  event(event: EventMessage): void;
}

/** Runs `fn` with a gateway on a free port over a database of its own; the broker is a fake that only remembers. */
export async function withGateway<T>(fn: (gateway: TestGateway) => Promise<T>, options: { readonly broker?: Partial<Broker>; readonly mongoUrl?: string; readonly trustProxy?: boolean; readonly answerMs?: number } = {}): Promise<T> {
  const withDatabase = async (use: (mongo: { readonly url: string }) => Promise<T>): Promise<T> => (options.mongoUrl === undefined ? await withReadyMongo(use) : await use({ url: options.mongoUrl }));
  return await withDatabase(async ({ url }) => {
    const database = await connectDatabase({ url, appName: 'gateway-test' });
    const stopping = new AbortController();
    const logged: Record<string, unknown>[] = [];
    const log = createLogger({ service: 'gateway', level: 'debug', destination: { write: (line) => void logged.push(JSON.parse(line) as Record<string, unknown>) } });
    const broker = createFakeBroker(options.broker);
    try {
      await setupDatabase({ database });
      const { key } = await createKey({ database, name: 'test', scopes: ['read', 'operate', 'write', 'admin'], by: 'test' });
      const gateway = await createGateway({ database, broker, log, metrics: createMetrics(), stopping: stopping.signal, version: 'test', ...(options.trustProxy === undefined ? {} : { trustProxy: options.trustProxy }), ...(options.answerMs === undefined ? {} : { answerMs: options.answerMs }) });
      const server = await startHttp({ handler: gateway.app.callback(), host: '127.0.0.1', port: 0 });
      try {
        return await fn({
          database, broker, key, logged, url: server.address, stop: () => stopping.abort(), event: broker.push,
          call: async (method, path, { body, raw, headers = {} } = {}) => {
            const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
            const response = await fetch(`${server.address}${path}`, {
              method, redirect: 'manual', headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(sent === undefined ? {} : { body: sent as string }),
            });
            const text = await response.text();
            // Nothing a client sends may end as 500: the cause is in the log, and the test should show it.
            if (response.status === 500) throw new Error(`${method} ${path} ended as 500: ${JSON.stringify(logged.findLast(({ level }) => level === 'error')?.['err'])}`);
            return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as Record<string, unknown> };
          },
        });
      } finally {
        stopping.abort();
        await gateway.stop();
        await server.close({ deadlineMs: 1_000 });
      }
    } finally {
      await database.close();
    }
  });
}
