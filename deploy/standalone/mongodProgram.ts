import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient, MongoServerSelectionError } from 'mongodb';
import type { ServerProgram } from './launchServer.ts';
import { groupLives, spawnGroup, stopGroup } from './processes.ts';
import type { ProcessGroup } from './processes.ts';

/** mongod on loopback as a member of the replica set `gleaner`, its data under `directory`. */
export function mongodProgram({ file, directory, cacheGiB, pastSeconds }: { file: string; directory: string; cacheGiB: number; pastSeconds?: number | undefined }): ServerProgram {
  const data = join(directory, 'mongodb');
  const logFile = join(directory, 'logs', 'mongod.log');
  return {
    name: 'mongod',
    portNames: ['mongodb'],
    recipe: `${file} cache ${cacheGiB}${pastSeconds === undefined ? '' : ` past ${pastSeconds}`}`,
    logFile,
    async start(ports, started) {
      mkdirSync(data, { recursive: true });
      mkdirSync(join(directory, 'logs'), { recursive: true });
      const port = ports['mongodb'] ?? 0;
      const launch = async (args: readonly string[]): Promise<ProcessGroup> => await spawnGroup({
        command: file, args: [
          ...args, '--port', String(port), '--dbpath', data, ...SETTINGS, '--wiredTigerCacheSizeGB', String(cacheGiB),
          ...(pastSeconds === undefined ? [] : ['--setParameter', `minSnapshotHistoryWindowInSeconds=${pastSeconds}`]),
        ],
        env: process.env, logFile, directory: data,
      });
      const memberFile = join(directory, 'run', 'mongod-member');
      if (existsSync(memberFile) && readFileSync(memberFile, 'utf8') !== String(port)) {
        // Whoever has our old port now may keep a member that looks for itself there waiting, so its address is put
        // right before it looks.
        const alone = await launch([]);
        const forget = started(alone);
        await moveMember({ url: mongoUrl(port), host: `127.0.0.1:${port}`, lives: () => groupLives(alone) });
        await stopGroup(alone, { patience: 15_000 });
        forget();
      }
      started(await launch(['--replSet', REPLICA_SET]));
      writeFileSync(memberFile, String(port));
    },
    async answers(ports) {
      const client = new MongoClient(mongoUrl(ports['mongodb'] ?? 0), { serverSelectionTimeoutMS: 1_000 });
      try {
        const hello = await client.db('admin').command({ hello: 1 });
        return hello['ok'] === 1;
      } finally {
        await client.close();
      }
    },
    isFault: (line) => /^\{.*"s":"[EF]"/.test(line),
  };
}

const SETTINGS = [
  '--bind_ip', '127.0.0.1', '--nounixsocket', '--setParameter', 'diagnosticDataCollectionEnabled=false',
  // Nobody could take over from the only member, so there is nothing to wait for.
  '--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100',
];

/** Writes the only member's address into the set's configuration, on a mongod that runs without its set; gives up when that one ends. */
async function moveMember({ url, host, lives }: { url: string; host: string; lives: () => boolean }): Promise<void> {
  // Where it ends before it answers, the real start after this will end in the same way, and say why.
  while (lives()) {
    const client = new MongoClient(url, { serverSelectionTimeoutMS: 500 });
    try {
      await client.db('local').collection('system.replset').updateOne({}, { $set: { 'members.0.host': host } });
      return;
    } catch (error) {
      if (!(error instanceof MongoServerSelectionError)) throw error;
    } finally {
      await client.close();
    }
  }
}

export const REPLICA_SET = 'gleaner';

/** The address of a mongod on this machine; `directConnection` because its set has one member that we know. */
export function mongoUrl(port: number): string {
  return `mongodb://127.0.0.1:${port}/gleaner?directConnection=true`;
}
