import type { Channel } from 'amqplib';
import type { BrokerLog } from './brokerLog.ts';
import { encodeMessage } from './encodeMessage.ts';
import type { OutgoingMessage } from './encodeMessage.ts';
import type { Link } from './link.ts';
import { superviseChannel } from './superviseChannel.ts';

/** Sends what may be lost. */
export interface Announcer {
  /** False where it was dropped: not connected, blocked, or more waiting in the socket than it takes. Never throws. */
  send(exchange: string, routingKey: string, message: OutgoingMessage): boolean;
  readonly counts: { readonly announced: number; readonly announcementsDropped: number };
  stop(deadlineMs: number): Promise<void>;
}

/** A plain channel on the publishing link; nothing is kept while it is away, so nothing grows. */
export function createAnnouncer(options: { readonly link: Link; readonly heal: () => Promise<void>; readonly log: BrokerLog }): Announcer {
  const { link, heal, log } = options;
  const counts = { announced: 0, announcementsDropped: 0 };
  let full = false;
  const channel = superviseChannel<Channel>({
    link,
    name: 'announce',
    open: (model) => model.createChannel(),
    setup: async (life) => {
      full = false;
      life.channel.on('drain', () => {
        full = false;
      });
    },
    heal,
    log,
  });
  return {
    send(exchange, routingKey, message) {
      const life = channel.current;
      if (!life?.open || link.blocked !== undefined || full) {
        counts.announcementsDropped += 1;
        return false;
      }
      try {
        const { content, properties } = encodeMessage(message);
        full = !life.channel.publish(exchange, routingKey, content, { ...properties, persistent: false, mandatory: false });
        counts.announced += 1;
        return true;
      } catch (error) {
        counts.announcementsDropped += 1;
        log.debug({ err: error, exchange, routingKey }, 'an announcement was dropped');
        return false;
      }
    },
    counts,
    stop: (deadlineMs) => channel.stop(deadlineMs),
  };
}
