import { setTimeout as delay } from 'node:timers/promises';
import { dockerRabbitmq } from './dockerServer.ts';
import { findRabbitmq } from './findRabbitmq.ts';
import { launchServer } from './launchServer.ts';
import type { ProvidedServer, ProvideOptions } from './providedServer.ts';
import { answersAmqp, rabbitmqProgram } from './rabbitmqProgram.ts';
import { recordFileOf } from './recordFileOf.ts';

export type ProvidedRabbitmq = ProvidedServer & { management?: string };

/**
 * Gives a RabbitMQ: `url` if given, else the private node that an earlier start left, else a new one from the PATH or
 * from its package, else a container. `management` asks for the HTTP API too. Rejects with what to install when all fail.
 */
export async function provideRabbitmq({ url, directory, cache, log, signal, management = false }: ProvideOptions & { management?: boolean }): Promise<ProvidedRabbitmq> {
  void cache; // its package manager keeps RabbitMQ
  if (url !== undefined && url !== '') {
    await checkGivenRabbitmq(url, { signal });
    return { url, how: 'given by AMQP_URL', ports: {}, lives: () => true, stop: async () => {} };
  }
  const found = await findRabbitmq({ log, signal });
  signal?.throwIfAborted();
  if ('faults' in found) {
    const container = await dockerRabbitmq({ directory, management, log, signal });
    signal?.throwIfAborted();
    if ('faults' in container) throw new Error(nothingToRun([...found.faults, ...container.faults]));
    return container;
  }
  const server = await launchServer({
    program: rabbitmqProgram({ file: found.file, directory, management }), recordFile: recordFileOf(directory, 'rabbitmq'), log, signal,
  });
  return {
    url: amqpUrl(server.ports['amqp'] ?? 0),
    how: `${server.how} ${found.file}`,
    ports: server.ports,
    lives: server.lives,
    stop: server.stop,
    ...(management ? { management: managementUrl(server.ports['management'] ?? 0) } : {}),
  };
}

export function amqpUrl(port: number): string {
  return `amqp://guest:guest@127.0.0.1:${port}`;
}

function managementUrl(port: number): string {
  return `http://guest:guest@127.0.0.1:${port}`;
}

/** Rejects unless a broker at `url` answers within `patience` ms. With amqps only the services can tell. */
export async function checkGivenRabbitmq(url: string, { patience = 10_000, signal }: { patience?: number; signal?: AbortSignal | undefined } = {}): Promise<void> {
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol)) {
    throw new Error('AMQP_URL: expected amqp://user:password@host:port/vhost or amqps://…');
  }
  const { protocol, hostname, port } = new URL(url);
  if (protocol === 'amqps:') return;
  const address = { host: hostname === '' ? '127.0.0.1' : hostname, port: port === '' ? 5672 : Number(port) };
  const deadline = performance.now() + patience;
  while (!await answersAmqp(address)) {
    if (performance.now() > deadline) throw new Error(`AMQP_URL: no RabbitMQ answers at ${address.host}:${address.port}`);
    await delay(250, undefined, { signal });
  }
}

function nothingToRun(faults: readonly string[]): string {
  return `no RabbitMQ could be found or fetched:\n${faults.map((fault) => `  - ${fault}`).join('\n')}\n`
    + 'Install RabbitMQ 3.10 or newer (https://www.rabbitmq.com/docs/download; Debian and Ubuntu: sudo apt-get install\n'
    + 'rabbitmq-server) so that rabbitmq-server is on the PATH, start Docker, or set AMQP_URL to a broker that runs already.';
}
