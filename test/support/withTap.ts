import { exchanges, topology } from '@gleaner/contracts';
import { connect } from 'amqplib';

/** Runs `fn` while every message that goes through an exchange of ours is copied: payload, headers and properties as text. The exchanges must be there. */
export async function withTap<T>(url: string, fn: (seen: readonly string[]) => Promise<T>): Promise<T> {
  const connection = await connect(url);
  connection.on('error', () => { /* its end shows in what was seen */ });
  try {
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (const { binding } of topology.queues) await channel.bindQueue(queue, binding.exchange, binding.routingKey);
    for (const exchange of [exchanges.control, exchanges.events]) await channel.bindQueue(queue, exchange, '#');
    const seen: string[] = [];
    await channel.consume(queue, (message) => {
      if (message) seen.push(`${message.fields.routingKey} ${JSON.stringify(message.properties)} ${message.content.toString()}`);
    }, { noAck: true });
    return await fn(seen);
  } finally {
    await connection.close();
  }
}
