import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './freePort.ts';
import { initiateReplicaSet } from './initiateReplicaSet.ts';
import { mongoUrl, REPLICA_SET } from './mongodProgram.ts';
import type { ProvidedServer } from './providedServer.ts';
import { answersAmqp } from './rabbitmqProgram.ts';
import { lastLines, runCommand } from './runCommand.ts';

const RABBITMQ_IMAGE = 'rabbitmq:4.1-management';
const MONGO_IMAGE = 'mongo:8.0';
const START_PATIENCE_MS = 60_000;

export type Containerised = ProvidedServer & { management?: string };

/** RabbitMQ in a container of its own with a named volume, published on loopback; or why not. */
export async function dockerRabbitmq({ directory, management, log, signal }: {
  directory: string; management: boolean; log: (line: string) => void; signal?: AbortSignal | undefined;
}): Promise<Containerised | { faults: string[] }> {
  const container = await runContainer({
    name: `gleaner-rabbitmq-${tag(directory)}`,
    image: process.env['RABBITMQ_IMAGE'] ?? RABBITMQ_IMAGE,
    // The node's name, and with it the data's folder, comes from the host name.
    options: ['--hostname', 'gleaner'],
    data: '/var/lib/rabbitmq',
    ports: management ? [5672, 15672] : [5672],
    args: [],
    log, signal,
  });
  if ('faults' in container) return container;
  const port = container.ports[5672] ?? 0;
  const fault = await whenReady(async () => await answersAmqp({ host: '127.0.0.1', port }), signal);
  if (fault !== undefined) return await unfit(container, fault);
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`, how: `container ${container.name}`, ports: { amqp: port },
    lives: () => true, // Docker restarts it (see runContainer)
    stop: container.stop,
    ...(management ? { management: `http://guest:guest@127.0.0.1:${container.ports[15672] ?? 0}` } : {}),
  };
}

/** mongod in a container of its own with a named volume, a one-member replica set, published on loopback; or why not. */
export async function dockerMongod({ directory, log, signal }: {
  directory: string; log: (line: string) => void; signal?: AbortSignal | undefined;
}): Promise<Containerised | { faults: string[] }> {
  const container = await runContainer({
    name: `gleaner-mongo-${tag(directory)}`,
    image: process.env['MONGO_IMAGE'] ?? MONGO_IMAGE,
    options: [],
    data: '/data/db',
    ports: [27017],
    args: ['--replSet', REPLICA_SET, '--bind_ip_all'],
    log, signal,
  });
  if ('faults' in container) return container;
  const url = mongoUrl(container.ports[27017] ?? 0);
  const initiate = async (): Promise<boolean> => {
    await initiateReplicaSet({ url, name: REPLICA_SET, member: '127.0.0.1:27017' });
    return true;
  };
  const fault = await whenReady(initiate, signal);
  if (fault !== undefined) return await unfit(container, fault);
  return { url, how: `container ${container.name}`, ports: { mongodb: container.ports[27017] ?? 0 }, lives: () => true, stop: container.stop };
}

/** A container that is of no use is not left running. */
async function unfit(container: Container, fault: string): Promise<{ faults: string[] }> {
  await container.stop();
  return { faults: [`the container ${container.name} ${fault}`] };
}

type Container = { name: string; ports: Record<number, number>; stop: ProvidedServer['stop'] };

/** Starts the container, or adopts the one of this name; a stopped one is made anew over the same volume. */
async function runContainer({ name, image, options, data, ports, args, log, signal }: {
  name: string; image: string; options: readonly string[]; data: string; ports: readonly number[]; args: readonly string[];
  log: (line: string) => void; signal: AbortSignal | undefined;
}): Promise<Container | { faults: string[] }> {
  const info = await runCommand('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000, signal });
  if (info.code !== 0) return { faults: [`Docker does not answer: ${lastLines(info.output, 1)}`] };
  const stop = async (): Promise<void> => { await runCommand('docker', ['rm', '-f', name], { timeout: 30_000 }); };
  const present = await publishedPorts(name, ports);
  if (present !== undefined) return { name, ports: present, stop: gently(name, stop) };
  await stop();
  log(`starting the container ${name} (${image})`);
  const published: Record<number, number> = {};
  for (const port of ports) published[port] = await freePort();
  const publish = ports.flatMap((port) => ['-p', `127.0.0.1:${published[port]}:${port}`]);
  const run = await runCommand('docker', ['run', '-d', '--restart', 'on-failure', '--name', name, '-v', `${name}:${data}`, ...publish, ...options, image, ...args], { signal });
  if (run.code !== 0) {
    await stop(); // made all the same, where it was the starting that failed or was given up
    return { faults: [`docker run ${image} failed: ${lastLines(run.output, 2)}`] };
  }
  return { name, ports: published, stop: gently(name, stop) };
}

function gently(name: string, remove: () => Promise<void>): ProvidedServer['stop'] {
  return async ({ signal = 'SIGTERM' } = {}) => {
    if (signal !== 'SIGKILL') await runCommand('docker', ['stop', '-t', '15', name], { timeout: 30_000 });
    await remove();
  };
}

async function publishedPorts(name: string, ports: readonly number[]): Promise<Record<number, number> | undefined> {
  const found: Record<number, number> = {};
  for (const port of ports) {
    const { code, output } = await runCommand('docker', ['port', name, String(port)], { timeout: 10_000 });
    const published = /:(\d+)\s*$/m.exec(output)?.[1];
    if (code !== 0 || published === undefined) return undefined;
    found[port] = Number(published);
  }
  return found;
}

async function whenReady(ready: () => Promise<boolean>, signal: AbortSignal | undefined): Promise<string | undefined> {
  const deadline = performance.now() + START_PATIENCE_MS;
  for (;;) {
    let seen = 'no answer';
    try {
      if (await ready()) return undefined;
    } catch (error) {
      seen = error instanceof Error ? error.message : String(error);
    }
    if (signal?.aborted === true) return 'was given up';
    if (performance.now() > deadline) return `does not answer within ${START_PATIENCE_MS / 1000} s (${seen})`;
    await delay(250);
  }
}

function tag(directory: string): string {
  return createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 8);
}
