import type { Channel } from 'amqplib';
import type { ChannelLife } from './superviseChannel.ts';

const watchMs = 5_000;

/** Looks after a consumer that the broker may have forgotten. */
export interface ConsumerWatch {
  /** Looks at once: something of the topology has just been declared again. */
  check(): Promise<void>;
  stop(): void;
}

/**
 * Ends the channel's life when its consumer is dead without a word, as when a queue was deleted and declared anew behind its back and no cancel came.
 * Signs are a queue without any consumer, or one whose messages wait at two looks in a row although we have room and got none in between.
 */
export function watchConsumer(options: {
  readonly life: ChannelLife<Channel>;
  readonly queue: string;
  /** Whether we are consuming and could take more now. */
  readonly hasRoom: () => boolean;
  /** Grows with each delivery. */
  readonly deliveries: () => number;
  readonly isConsuming: () => boolean;
}): ConsumerWatch {
  const { life, queue, hasRoom, deliveries, isConsuming } = options;
  let suspectedAt: number | undefined;
  let checking = false;

  const look = async (): Promise<void> => {
    const { messageCount, consumerCount } = await life.channel.checkQueue(queue);
    if (!life.open || !isConsuming()) return;
    if (consumerCount === 0) return life.end('the queue knows no consumer', 404);
    const waitsInVain = messageCount > 0 && hasRoom();
    if (waitsInVain && suspectedAt === deliveries()) return life.end('messages wait, but none are delivered', 404);
    suspectedAt = waitsInVain ? deliveries() : undefined;
  };

  const check = async (): Promise<void> => {
    if (checking || !life.open || !isConsuming()) return;
    checking = true;
    try {
      await look();
    } catch {
      // The queue is gone (the broker closes the channel, and its supervisor knows why), or the channel has just ended.
    } finally {
      checking = false;
    }
  };

  const timer = setInterval(() => void check(), watchMs);
  const stop = (): void => clearInterval(timer);
  life.ended.addEventListener('abort', stop, { once: true });
  return { check, stop };
}
