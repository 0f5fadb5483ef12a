import { withoutPassword } from '@gleaner/contracts';
import { MongoClient } from 'mongodb';
import { dockerMongod } from './dockerServer.ts';
import { findMongod } from './findMongod.ts';
import { initiateReplicaSet } from './initiateReplicaSet.ts';
import { launchServer } from './launchServer.ts';
import { mongodProgram, mongoUrl, REPLICA_SET } from './mongodProgram.ts';
import type { ProvidedServer, ProvideOptions } from './providedServer.ts';
import { recordFileOf } from './recordFileOf.ts';

/**
 * Gives a mongod that is the primary of a replica set: `url` if given, else the one that an earlier start left, else
 * a new process from the PATH, the cache or a download, else a container. Rejects with what to install when all fail,
 * and when `url` names a server without a replica set. `pastSeconds` is for how long a moment before can be asked for (default: the server's 300).
 */
export async function provideMongod({ url, directory, cache, log, signal, cacheGiB = 1, pastSeconds }: ProvideOptions & { cacheGiB?: number; pastSeconds?: number }): Promise<ProvidedServer> {
  if (url !== undefined && url !== '') {
    await checkGivenMongo(url, { signal });
    return { url, how: 'given by MONGO_URL', ports: {}, lives: () => true, stop: async () => {} };
  }
  const found = await findMongod({ cache, log, signal });
  signal?.throwIfAborted();
  if ('faults' in found) {
    const container = await dockerMongod({ directory, log, signal });
    signal?.throwIfAborted();
    if ('faults' in container) throw new Error(nothingToRun([...found.faults, ...container.faults]));
    return container;
  }
  const server = await launchServer({
    program: mongodProgram({ file: found.file, directory, cacheGiB, pastSeconds }), recordFile: recordFileOf(directory, 'mongod'), log, signal,
  });
  const port = server.ports['mongodb'] ?? 0;
  try {
    await initiateReplicaSet({ url: mongoUrl(port), name: REPLICA_SET, member: `127.0.0.1:${port}` });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: mongoUrl(port), how: `${server.how} ${found.file}`, ports: server.ports, lives: server.lives, stop: server.stop };
}

/** Rejects unless the server at `url` answers and has transactions: a replica set's member, or a mongos. */
export async function checkGivenMongo(url: string, { patience = 10_000, signal }: { patience?: number; signal?: AbortSignal | undefined } = {}): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: patience });
  const giveUp = (): void => void client.close();
  signal?.addEventListener('abort', giveUp);
  const shown = withoutPassword(url);
  try {
    const hello = await client.db('admin').command({ hello: 1 }).catch((cause: unknown) => {
      throw new Error(`MONGO_URL: no MongoDB answers at ${shown}`, { cause });
    });
    if (typeof hello['setName'] === 'string' || hello['msg'] === 'isdbgrid') return;
    throw new Error(`MONGO_URL: the MongoDB at ${shown} is standalone, and transactions need a replica set: `
      + 'start it with --replSet and run rs.initiate() once, or leave MONGO_URL empty to have one started');
  } finally {
    signal?.removeEventListener('abort', giveUp);
    await client.close();
  }
}

function nothingToRun(faults: readonly string[]): string {
  return `no mongod could be found or fetched:\n${faults.map((fault) => `  - ${fault}`).join('\n')}\n`
    + 'Install MongoDB 6.0 or newer (https://www.mongodb.com/docs/manual/installation/) so that mongod is on the PATH,\n'
    + 'start Docker, or set MONGO_URL to a replica set that runs already.';
}
