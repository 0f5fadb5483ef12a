import type { Channel } from 'amqplib';
import type { BrokerLog } from './brokerLog.ts';
import type { Announcement, Subscription } from './brokerTypes.ts';
import type { Link } from './link.ts';
import { parseBody } from './readDelivery.ts';
import { superviseChannel } from './superviseChannel.ts';

/** What a subscriber that falls behind may have waiting for it; the oldest go first. */
const maxWaiting = 10_000;

/** Hears an exchange by an exclusive queue that lives as long as its connection; made anew after each loss, when `onGap` is called. */
export function createSubscription(options: {
  readonly link: Link;
  readonly exchange: string;
  readonly routingKeys: readonly string[];
  readonly handler: (announcement: Announcement) => void;
  readonly onGap: (() => void) | undefined;
  readonly heal: () => Promise<void>;
  readonly log: BrokerLog;
}): Subscription {
  const { link, exchange, routingKeys, handler, onGap, heal, log } = options;
  let becomeReady: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });
  const channel = superviseChannel<Channel>({
    link,
    name: `subscribe ${exchange}`,
    open: (model) => model.createChannel(),
    setup: async (life) => {
      const { queue } = await life.channel.assertQueue('', { exclusive: true, durable: false, autoDelete: true, arguments: { 'x-max-length': maxWaiting } });
      for (const routingKey of routingKeys) await life.channel.bindQueue(queue, exchange, routingKey);
      await life.channel.consume(
        queue,
        (message) => {
          if (!message) return life.end('the broker cancelled the subscription', 404);
          const { content, fields, properties } = message;
          const type: unknown = properties.type;
          try {
            handler({ body: content, json: () => parseBody(content), type: typeof type === 'string' ? type : '', exchange: fields.exchange, routingKey: fields.routingKey });
          } catch (error) {
            log.error({ err: error, exchange, routingKey: fields.routingKey }, 'a subscriber threw; the announcement is lost');
          }
        },
        { noAck: true },
      );
      becomeReady();
      if (life.generation > 1) onGap?.();
    },
    heal,
    log,
  });
  return { ready, stop: () => channel.stop(2_000) };
}
