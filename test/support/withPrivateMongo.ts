import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, provideMongod } from '@gleaner/standalone';
import { guardServers } from './guardServers.ts';

export type PrivateMongo = {
  url: string;
  databaseName: string;
  stop(): Promise<void>;
  /** Ends it without a goodbye, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again at the same address with the same data. */
  start(): Promise<void>;
};

/** Runs `fn` with a mongod of its own (about 1 s) that may be stopped, killed and started again. */
export async function withPrivateMongo<T>(fn: (mongo: PrivateMongo) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'gleaner-mongo-'));
  const provide = async (): ReturnType<typeof provideMongod> =>
    await provideMongod({ directory, cache: cacheDirectory(), log: () => {}, cacheGiB: 0.25 });
  const release = guardServers(directory);
  let server = await provide();
  try {
    return await fn({
      url: server.url,
      databaseName: 'gleaner',
      stop: async () => { await server.stop(); },
      kill: async () => { await server.stop({ signal: 'SIGKILL' }); },
      start: async () => {
        const before = server.url;
        server = await provide();
        if (server.url !== before) throw new Error(`the port of mongod was taken while it was down: ${before} became ${server.url}`);
      },
    });
  } finally {
    await release();
  }
}
