import { arch, cpus, release, totalmem, type } from 'node:os';
import { connectDatabase } from '@gleaner/database';
import { callManagement } from '../../support/brokerManagement.ts';
import type { BenchServers } from './startServers.ts';

/** The machine and the versions that figures depend on, without anything that dates or names it. */
export async function describeMachine(servers: BenchServers): Promise<string> {
  const database = await connectDatabase({ url: servers.mongo, appName: 'bench' });
  try {
    const { version: mongod } = (await database.db.admin().serverInfo()) as { version: string };
    const { rabbitmq_version: rabbitmq, erlang_version: erlang } = (await callManagement(servers.management, 'GET', '/api/overview')) as Record<string, string>;
    const cores = cpus();
    return `${cores.length} cores of ${cores[0]?.model.trim() ?? 'unknown make'} (${arch()}), ${Math.round(totalmem() / 1024 ** 3)} GiB, ${type()} ${release().split('-')[0]}; Node ${process.version}, RabbitMQ ${rabbitmq} on Erlang ${erlang}, mongod ${mongod} with 1 GiB of cache; everything on this one machine.`;
  } finally {
    await database.close();
  }
}
