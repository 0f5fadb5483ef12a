import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, provideMongod, provideRabbitmq } from '@gleaner/standalone';

/** The broker and the database that Gleaner and its peers share; both the bench's own, on loopback. */
export interface BenchServers {
  readonly amqp: string;
  readonly management: string;
  readonly mongo: string;
  /** Programs that run, for the description of the machine. */
  readonly how: string;
  readonly stop: () => Promise<void>;
}

/** Starts both in a temporary folder, which `stop` deletes. */
export async function startServers(log: (line: string) => void): Promise<BenchServers> {
  const directory = mkdtempSync(join(tmpdir(), 'gleaner-bench-'));
  const options = { directory, cache: cacheDirectory(), log };
  const mongod = await provideMongod({ ...options, cacheGiB: 1 });
  const stops = [mongod];
  const stop = async (): Promise<void> => {
    // Nobody reads the data again, so they need not tidy up.
    for (const server of stops) await server.stop({ signal: 'SIGKILL' });
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const rabbitmq = await provideRabbitmq({ ...options, management: true });
    stops.push(rabbitmq);
    return { amqp: rabbitmq.url, management: rabbitmq.management ?? '', mongo: mongod.url, how: `${rabbitmq.how}; ${mongod.how}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
