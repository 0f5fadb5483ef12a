import {randomUUID} from 'node:crypto';
import {brokerManagement, callManagement} from './brokerManagement.ts';
import type {BrokerManagement} from './brokerManagement.ts';
import {testServers} from './testServers.ts';

export type TestBroker = {url: string; management: BrokerManagement};

/** Runs `fn` with a vhost of its own on the shared RabbitMQ, and deletes it, with whatever is connected to it, afterwards. */
export async function withBroker<T>(fn: (broker: TestBroker) => T | Promise<T>): Promise<T> {
  const {amqp, management} = testServers();
  const vhost = `test-${randomUUID()}`;
  const user = new URL(amqp).username || 'guest';
  await callManagement(management, 'PUT', `/api/vhosts/${vhost}`, {});
  try {
    await callManagement(management, 'PUT', `/api/permissions/${vhost}/${user}`, {configure: '.*', write: '.*', read: '.*'});
    return await fn({url: `${amqp.replace(/\/$/, '')}/${vhost}`, management: brokerManagement({amqp, management, vhost})});
  } finally {
    await callManagement(management, 'DELETE', `/api/vhosts/${vhost}`);
  }
}
