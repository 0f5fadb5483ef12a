import { connect } from 'amqplib';
import { until } from './until.ts';

export type QueueCount = { ready: number; unacked: number; consumers: number };
export type PeekedMessage = { payload: string; properties: Record<string, unknown>; headers: Record<string, unknown>; routingKey: string; exchange: string; redelivered: boolean };

/** What a test may see and do behind the back of the code under test, in one vhost. */
export type BrokerManagement = {
  /** Closes connections from the broker's side, as an operator would; waits until at least `expected` are there. Gives how many were closed. */
  closeConnections(options?: { expected?: number }): Promise<number>;
  /** How many clients are connected. */
  connectionCount(): Promise<number>;
  /** Counts of every queue. `ready` and `consumers` are exact (0 consumers for an exclusive queue), `unacked` a fifth of a second old. */
  queueCounts(): Promise<Record<string, QueueCount>>;
  deleteQueue(name: string): Promise<void>;
  /** The messages at the head of a *classic* queue, put back afterwards (on a quorum queue each look counts as a delivery). */
  messages(queue: string, count?: number): Promise<PeekedMessage[]>;
  /** Deletes what is ready in a queue. */
  purgeQueue(name: string): Promise<void>;
};

type Addresses = { amqp: string; management: string; vhost: string };

/** Management of one vhost, `/` included; the connections are those of the user in `amqp`. */
export function brokerManagement({ amqp, management, vhost }: Addresses): BrokerManagement {
  const place = encodeURIComponent(vhost);
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => await callManagement(management, method, path, body);
  // By user, because that list comes from the broker's own book; the others are up to 5 s late.
  const ofUser = `/api/connections/username/${encodeURIComponent(decodeURIComponent(new URL(amqp).username))}`;
  const connections = async (): Promise<string[]> => rows(await call('GET', ofUser)).map((row) => String(row['name']));
  return {
    async closeConnections({ expected = 1 } = {}) {
      const names = await until(async () => {
        const found = await connections();
        return found.length >= expected && found;
      }, { what: `${expected} connections at the broker`, see: connections });
      await call('DELETE', ofUser);
      return names.length;
    },
    async connectionCount() {
      return (await connections()).length;
    },
    async queueCounts() {
      // Without statistics the counts come from the queues' own tables, which are seconds fresher.
      const queues = rows(await call('GET', `/api/queues/${place}?disable_stats=true&enable_queue_totals=true`));
      const counts: Record<string, QueueCount> = {};
      for (const queue of queues) {
        counts[String(queue['name'])] = {
          ready: number(queue['messages_ready']), unacked: number(queue['messages_unacknowledged']), consumers: number(queue['consumers']),
        };
      }
      const open = queues.filter((queue) => queue['exclusive'] !== true).map((queue) => String(queue['name']));
      for (const [name, exact] of await exactCounts(`${amqp.replace(/\/$/, '')}/${place}`, open)) {
        counts[name] = { ...exact, unacked: counts[name]?.unacked ?? 0 };
      }
      return counts;
    },
    async deleteQueue(name) {
      await call('DELETE', `/api/queues/${place}/${encodeURIComponent(name)}`);
    },
    async purgeQueue(name) {
      await call('DELETE', `/api/queues/${place}/${encodeURIComponent(name)}/contents`);
    },
    async messages(queue, count = 100) {
      const path = `/api/queues/${place}/${encodeURIComponent(queue)}`;
      const { type } = object(await call('GET', path));
      if (type !== 'classic') throw new Error(`${queue} is a ${String(type)} queue: looking at it would count as a delivery`);
      const found = rows(await call('POST', `${path}/get`, { count, ackmode: 'ack_requeue_true', encoding: 'auto' }));
      return found.map((row) => {
        const properties = object(row['properties']);
        return {
          payload: row['payload_encoding'] === 'base64' ? Buffer.from(String(row['payload']), 'base64').toString() : String(row['payload']),
          properties, headers: object(properties['headers'] ?? {}), routingKey: String(row['routing_key']), exchange: String(row['exchange']),
          redelivered: row['redelivered'] === true,
        };
      });
    },
  };
}

/** Calls RabbitMQ's HTTP API; rejects on any answer but 2xx, and a 404 to a DELETE, with the answer in the message. */
export async function callManagement(base: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const { origin, username, password } = new URL(base);
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(15_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (method === 'DELETE' && response.status === 404) return undefined; // gone already
  if (!response.ok) throw new Error(`RabbitMQ management: ${method} ${path} answered ${response.status} ${text.slice(0, 300)}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** The HTTP API's counts lag behind; a passive declaration is answered by the queue itself. */
async function exactCounts(url: string, queues: readonly string[]): Promise<Map<string, { ready: number; consumers: number }>> {
  const counts = new Map<string, { ready: number; consumers: number }>();
  if (queues.length === 0) return counts;
  const connection = await connect(url);
  connection.on('error', () => { /* its end shows in the calls below */ });
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => { /* likewise */ });
    for (const queue of queues) {
      const { messageCount, consumerCount } = await channel.checkQueue(queue);
      counts.set(queue, { ready: messageCount, consumers: consumerCount });
    }
    return counts;
  } finally {
    await connection.close();
  }
}

function rows(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new Error(`RabbitMQ management: expected a list, saw ${JSON.stringify(value).slice(0, 300)}`);
  return value.map(object);
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
