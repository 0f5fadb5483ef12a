import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {MongoClient} from 'mongodb';
import type {ServerProgram} from './launchServer.ts';
import {spawnGroup} from './processes.ts';

/** mongod on loopback as a member of the replica set `gleaner`, its data under `directory`. */
export function mongodProgram({file, directory, cacheGiB}: {file: string; directory: string; cacheGiB: number}): ServerProgram {
  const data = join(directory, 'mongodb');
  const logFile = join(directory, 'logs', 'mongod.log');
  return {
    name: 'mongod',
    portNames: ['mongodb'],
    recipe: `${file} cache ${cacheGiB}`,
    logFile,
    async start(ports, started) {
      mkdirSync(data, {recursive: true});
      mkdirSync(join(directory, 'logs'), {recursive: true});
      const args = [
        '--bind_ip', '127.0.0.1', '--port', String(ports['mongodb']), '--nounixsocket',
        '--replSet', REPLICA_SET, '--dbpath', data,
        '--wiredTigerCacheSizeGB', String(cacheGiB), '--setParameter', 'diagnosticDataCollectionEnabled=false',
        // Nobody could take over from the only member, so there is nothing to wait for.
        '--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100',
      ];
      started(await spawnGroup({command: file, args, env: process.env, logFile, directory: data}));
    },
    async answers(ports) {
      const client = new MongoClient(mongoUrl(ports['mongodb'] ?? 0), {serverSelectionTimeoutMS: 1_000});
      try {
        const hello = await client.db('admin').command({hello: 1});
        return hello['ok'] === 1;
      } finally {
        await client.close();
      }
    },
  };
}

export const REPLICA_SET = 'gleaner';

/** The address of a mongod on this machine; `directConnection` because its set has one member that we know. */
export function mongoUrl(port: number): string {
  return `mongodb://127.0.0.1:${port}/gleaner?directConnection=true`;
}
