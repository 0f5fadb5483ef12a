import { mkdtempSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, provideMongod, provideRabbitmq } from '@gleaner/standalone';
import { guardServers } from './guardServers.ts';
import { startContainers } from './startContainers.ts';
import type { TestServers } from './testServers.ts';
import { withFileLock } from './withFileLock.ts';
import { dropLeftDatabases } from './withReadyMongo.ts';

export type StartedTestServers = { servers: TestServers; stop(): Promise<void> };

type Start = { env: NodeJS.ProcessEnv; log: (line: string) => void };

/**
 * One RabbitMQ with its management API and one MongoDB replica set for tests: those of TEST_AMQP_URL,
 * TEST_AMQP_MANAGEMENT_URL and TEST_MONGO_URL (all three); with GLEANER_TEST_SERVERS=keep local ones that stay up
 * between runs; else containers where Docker answers; else the local servers of `npm start`, in a temporary folder.
 * GLEANER_TEST_SERVERS=containers takes no others for them: it rejects where there can be none.
 */
export async function startTestServers({ env, log }: Start): Promise<StartedTestServers> {
  const given = givenServers(env);
  if (given !== undefined) return { servers: given, stop: () => dropLeftDatabases(given.mongo) };
  if (env['GLEANER_TEST_SERVERS'] === 'keep') return await keptServers(log);
  const containers = await startContainers({ env, log });
  if (containers !== undefined) return containers;
  if (env['GLEANER_TEST_SERVERS'] === 'containers') throw new Error('GLEANER_TEST_SERVERS=containers, but there are none (see above)');
  return await temporaryServers(log);
}

/** Where the kept servers live. */
export function keptDirectory(): string {
  return join(tmpdir(), `gleaner-test-servers-${userInfo().username}`);
}

function givenServers(env: NodeJS.ProcessEnv): TestServers | undefined {
  const names = ['TEST_AMQP_URL', 'TEST_AMQP_MANAGEMENT_URL', 'TEST_MONGO_URL'] as const;
  const [amqp, management, mongo] = names.map((name) => env[name]);
  if (amqp !== undefined && management !== undefined && mongo !== undefined) return { amqp, management, mongo };
  const missing = names.filter((name) => env[name] === undefined);
  if (missing.length < names.length) throw new Error(`${missing.join(' and ')}: expected too, because the other of ${names.join(', ')} is set`);
  return undefined;
}

async function keptServers(log: Start['log']): Promise<StartedTestServers> {
  const directory = keptDirectory();
  // Two runs that start at once must not both start servers.
  return await withFileLock(`${directory}.lock`, async () => {
    const local = await localServers({ directory, log });
    return { servers: local.servers, stop: () => dropLeftDatabases(local.servers.mongo) };
  });
}

async function temporaryServers(log: Start['log']): Promise<StartedTestServers> {
  const directory = mkdtempSync(join(tmpdir(), 'gleaner-test-'));
  const stop = guardServers(directory);
  const { servers } = await localServers({ directory, log });
  return { servers, stop };
}

/** Local servers with their data in `directory`, adopted where they run already. */
export async function localServers({ directory, log }: { directory: string; log: Start['log'] }): Promise<{ servers: TestServers }> {
  const options = { directory, cache: cacheDirectory(), log };
  const started = performance.now();
  const [mongod, rabbitmq] = await Promise.all([
    // Each test drops its database. The files of dropped ones stay open for as long as a moment before can be asked for: with the default of 300 s
    // they come to as many as a process may open.
    provideMongod({ ...options, cacheGiB: 0.5, pastSeconds: 20 }), provideRabbitmq({ ...options, management: true }),
  ]);
  log(`RabbitMQ (${rabbitmq.how}) and MongoDB (${mongod.how}) in ${Math.round(performance.now() - started)} ms`);
  return { servers: { amqp: rabbitmq.url, management: rabbitmq.management ?? '', mongo: mongod.url } };
}
