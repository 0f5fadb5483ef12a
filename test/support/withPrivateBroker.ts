import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, provideRabbitmq } from '@gleaner/standalone';
import { brokerManagement } from './brokerManagement.ts';
import type { BrokerManagement } from './brokerManagement.ts';
import { guardServers } from './guardServers.ts';

export type PrivateBroker = {
  url: string;
  management: BrokerManagement;
  stop(): Promise<void>;
  /** Ends it without a goodbye, as a power cut would. */
  kill(): Promise<void>;
  /** Deletes all that it has stored; only while it is down. */
  wipe(): void;
  /** Starts it again at the same address with the same data. */
  start(): Promise<void>;
  restartBroker(): Promise<void>;
  /** Runs Erlang in the broker, for what the management API cannot do (a memory alarm); rejects where there is no rabbitmqctl beside the server. */
  evaluate(expression: string): Promise<string>;
};

/** Runs `fn` with a RabbitMQ of its own (about 5 s) that may be stopped, killed and started again. */
export async function withPrivateBroker<T>(fn: (broker: PrivateBroker) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'gleaner-broker-'));
  const provide = async (): ReturnType<typeof provideRabbitmq> =>
    await provideRabbitmq({ directory, cache: cacheDirectory(), log: () => {}, management: true });
  const release = guardServers(directory);
  let server = await provide();
  const start = async (): Promise<void> => {
    const before = server.url;
    server = await provide();
    if (server.url !== before) throw new Error(`the broker's port was taken while it was down: ${before} became ${server.url}`);
  };
  try {
    return await fn({
      url: server.url,
      management: brokerManagement({ amqp: server.url, management: server.management ?? '', vhost: '/' }),
      stop: async () => { await server.stop(); },
      kill: async () => { await server.stop({ signal: 'SIGKILL' }); },
      wipe: () => { rmSync(join(directory, 'rabbitmq'), { recursive: true }); },
      start,
      evaluate: async (expression) => {
        const env = { ...process.env, HOME: join(directory, 'rabbitmq'), ERL_EPMD_PORT: String(server.ports['epmd']), ERL_EPMD_ADDRESS: '127.0.0.1' };
        const file = join(dirname(server.how.split(' ').at(-1) ?? ''), 'rabbitmqctl');
        const { stdout } = await promisify(execFile)(file, ['--node', 'gleaner@localhost', 'eval', expression], { env, timeout: 30_000 });
        return stdout;
      },
      restartBroker: async () => {
        await server.stop();
        await start();
      },
    });
  } finally {
    await release();
  }
}
