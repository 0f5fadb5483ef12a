import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { listeningAddresses } from '../../test/support/listeningAddresses.ts';
import { cacheDirectory } from './cacheDirectory.ts';
import { freePort } from './freePort.ts';
import { takeLauncherLock } from './launcherLock.ts';
import { launchServer, type ServerProgram } from './launchServer.ts';
import { mongodProgram } from './mongodProgram.ts';
import { groupLives, spawnGroup, stopGroup } from './processes.ts';
import { checkGivenMongo, provideMongod } from './provideMongod.ts';
import type { ProvidedServer } from './providedServer.ts';
import { checkGivenRabbitmq, provideRabbitmq } from './provideRabbitmq.ts';
import { recordFileOf } from './recordFileOf.ts';
import { readServerRecord, writeServerRecord } from './serverRecord.ts';

let directory = '';
const said: string[] = [];
const log = (line: string): void => { said.push(line); };
const mongod = async (): Promise<ProvidedServer> => await provideMongod({ directory, cache: cacheDirectory(), log, cacheGiB: 0.25 });
const record = () => readServerRecord(recordFileOf(directory, 'mongod'));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gleaner-servers-'));
  said.length = 0;
});
afterEach(async () => {
  for (const name of ['mongod', 'rabbitmq'] as const) {
    for (const group of readServerRecord(recordFileOf(directory, name))?.groups ?? []) await stopGroup(group, { patience: 0, signal: 'SIGKILL' });
  }
  rmSync(directory, { recursive: true, force: true });
});

describe('a server that the launcher starts', () => {
  it('is adopted by the next start, found again after a clean stop, and replaced when it is not the same', async () => {
    const first = await mongod();
    expect(first.how).toMatch(/^started /);
    await write(first.url, 'kept');
    const pid = record()?.groups[0]?.pid;

    const second = await mongod(); // as after kill -9 of the launcher
    expect(second.how).toMatch(/^adopted /);
    expect(record()?.groups[0]?.pid).toBe(pid);
    expect(second.url).toBe(first.url);

    await second.stop();
    expect(record()?.groups).toEqual([]);
    const third = await mongod();
    expect(third.how).toMatch(/^started /);
    expect(third.url).toBe(first.url); // the port is remembered
    expect(await read(third.url)).toEqual(['kept']);

    const other = await provideMongod({ directory, cache: cacheDirectory(), log, cacheGiB: 0.5 });
    expect(other.how).toMatch(/^started /);
    expect(said).toContain('replacing the mongod that an earlier start left');
    expect(await read(other.url)).toEqual(['kept']);
  });

  it('moves to another port, with its replica set, when its own was taken', async () => {
    const first = await mongod();
    await write(first.url, 'kept');
    await first.stop();
    const squatter = createServer();
    await new Promise<void>((resolve) => { squatter.listen(Number(new URL(first.url).port), '127.0.0.1', resolve); });
    try {
      const second = await mongod();
      expect(second.url).not.toBe(first.url);
      expect(await read(second.url)).toEqual(['kept']);
      await write(second.url, 'more');
    } finally {
      await new Promise((resolve) => { squatter.close(resolve); });
    }
  });

  it('is started again on other ports when another process was quicker to take one', async () => {
    const logFile = join(directory, 'racer.log');
    const squatter = createServer((socket) => socket.end('squatter'));
    const tried: number[] = [];
    const program: ServerProgram = {
      name: 'racer', portNames: ['main'], recipe: 'r', logFile,
      start: async ({ main = 0 }, started) => {
        if (tried.push(main) === 1) await new Promise<void>((resolve) => { squatter.listen(main, '127.0.0.1', resolve); });
        const script = `require('node:net').createServer((socket) => socket.end('racer')).listen(${main}, '127.0.0.1')`;
        started(await spawnGroup({ command: process.execPath, args: ['-e', script], env: process.env, logFile, directory }));
      },
      answers: async ({ main = 0 }) => await text(connect(main, '127.0.0.1')) === 'racer',
    };
    try {
      const server = await launchServer({ program, recordFile: recordFileOf(directory, 'mongod'), log });
      expect(tried).toEqual([expect.any(Number), server.ports['main']]);
      expect(server.ports['main']).not.toBe(tried[0]);
      expect(said).toContainEqual(expect.stringContaining(`another process has taken port ${tried[0]}`));
      await server.stop();
    } finally {
      await new Promise((resolve) => { squatter.close(resolve); });
    }
  });

  it('is not mistaken for a process that got its pid', async () => {
    const logFile = join(directory, 'sleep.log');
    const bystander = await spawnGroup({ command: 'sleep', args: ['60'], env: process.env, logFile, directory });
    try {
      writeServerRecord(recordFileOf(directory, 'mongod'), { groups: [{ pid: bystander.pid, born: 'another time' }], ports: {}, recipe: '' });
      const server = await mongod();
      expect(server.how).toMatch(/^started /);
      expect(groupLives(bystander)).toBe(true);
    } finally {
      await stopGroup(bystander, { patience: 0, signal: 'SIGKILL' });
    }
  });

  it('says what the log says when it does not start', async () => {
    const first = await mongod();
    const program = mongodProgram({ file: first.how.replace('started ', ''), directory, cacheGiB: 0.25 });
    // Two mongods over one data folder: the second ends at once.
    await expect(launchServer({ program, recordFile: join(directory, 'run', 'second.json'), log }))
      .rejects.toThrow(/^mongod ended while starting; from .*mongod\.log:\n[\s\S]*DBPathInUse/);
    expect(record()?.groups.every(groupLives)).toBe(true);
  });
});

describe('RabbitMQ', () => {
  it('listens on loopback only, its distribution and epmd too, and takes epmd with it', async () => {
    const server = await provideRabbitmq({ directory, cache: cacheDirectory(), log });
    const groups = readServerRecord(recordFileOf(directory, 'rabbitmq'))?.groups ?? [];
    expect(Object.keys(server.ports)).toEqual(['amqp', 'distribution', 'epmd']);
    const addresses = Object.values(server.ports).map((port) => [...listeningAddresses(port)].sort());
    // epmd takes the loopback of IPv6 too, where the machine has one.
    expect(addresses.map((listened) => listened.filter((address) => address !== '::1'))).toEqual([['127.0.0.1'], ['127.0.0.1'], ['127.0.0.1']]);
    await server.stop();
    expect(groups).toHaveLength(2);
    expect(groups.some(groupLives)).toBe(false);
    expect(Object.values(server.ports).flatMap((port) => [...listeningAddresses(port)])).toEqual([]);
  });
});

describe('a server that is given', () => {
  it('is refused by name when nobody answers, or the address is none', async () => {
    const patience = 300;
    await expect(checkGivenRabbitmq('http://127.0.0.1:1')).rejects.toThrow(/^AMQP_URL: expected amqp:/);
    await expect(checkGivenRabbitmq('amqp://me:secret@127.0.0.1:1', { patience })).rejects.toThrow(/^AMQP_URL: no RabbitMQ answers at 127.0.0.1:1$/);
    await expect(checkGivenMongo('mongodb://me:secret@127.0.0.1:1/?tlsCertificateKeyFilePassword=secret', { patience })).rejects.toThrow(/^MONGO_URL: no MongoDB answers at mongodb:\/\/me@127.0.0.1:1\/$/);
  });

  it('is refused when it is a mongod without a replica set', async () => {
    const given = await mongod();
    await given.stop();
    const data = join(directory, 'alone');
    mkdirSync(data);
    const port = await freePort();
    const args = ['--bind_ip', '127.0.0.1', '--nounixsocket', '--port', String(port), '--dbpath', data];
    const group = await spawnGroup({ command: given.how.replace('started ', ''), args, env: process.env, logFile: join(directory, 'alone.log'), directory });
    try {
      await expect(checkGivenMongo(`mongodb://127.0.0.1:${port}`)).rejects.toThrow(/^MONGO_URL: the MongoDB at .* is standalone, and transactions need a replica set/);
    } finally {
      await stopGroup(group, { patience: 0, signal: 'SIGKILL' });
    }
  });
});

describe('takeLauncherLock', () => {
  it('lets one launcher in at a time, and takes over from a dead one', () => {
    const release = takeLauncherLock(directory);
    expect(() => takeLauncherLock(directory)).toThrow(new RegExp(`runs already over ${directory} \\(process ${process.pid}\\)`));
    release();
    takeLauncherLock(directory)();
    writeServerRecord(recordFileOf(directory, 'launcher'), { groups: [], ports: {}, recipe: 'no launcher' });
    const again = takeLauncherLock(directory);
    expect(readFileSync(recordFileOf(directory, 'launcher'), 'utf8')).toContain(String(process.pid));
    again();
  });
});

async function write(url: string, what: string): Promise<void> {
  const client = await MongoClient.connect(url);
  try {
    await client.db().collection('things').insertOne({ what }, { writeConcern: { w: 'majority', journal: true } });
  } finally {
    await client.close();
  }
}

async function read(url: string): Promise<string[]> {
  const client = await MongoClient.connect(url);
  try {
    return (await client.db().collection('things').find().toArray()).map((row) => String(row['what']));
  } finally {
    await client.close();
  }
}
