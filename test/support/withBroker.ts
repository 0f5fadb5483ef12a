import { randomUUID } from 'node:crypto';
import { brokerManagement, callManagement } from './brokerManagement.ts';
import type { BrokerManagement } from './brokerManagement.ts';
import { testServers } from './testServers.ts';

export type TestBroker = { url: string; management: BrokerManagement };

/** Runs `fn` with a vhost and a user of its own on the shared RabbitMQ, and deletes both, with whatever is connected, afterwards. */
export async function withBroker<T>(fn: (broker: TestBroker) => T | Promise<T>): Promise<T> {
  const { amqp, management } = testServers();
  const name = `test-${randomUUID()}`;
  const mine = new URL(amqp);
  mine.username = name;
  mine.password = 'test';
  await callManagement(management, 'PUT', `/api/vhosts/${name}`, {});
  try {
    await callManagement(management, 'PUT', `/api/users/${name}`, { password: mine.password, tags: '' });
    await callManagement(management, 'PUT', `/api/permissions/${name}/${name}`, { configure: '.*', write: '.*', read: '.*' });
    const base = mine.href.replace(/\/$/, '');
    return await fn({ url: `${base}/${name}`, management: brokerManagement({ amqp: base, management, vhost: name }) });
  } finally {
    await callManagement(management, 'DELETE', `/api/vhosts/${name}`);
    await callManagement(management, 'DELETE', `/api/users/${name}`);
  }
}
