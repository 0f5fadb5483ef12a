import type { Channel, ConsumeMessage } from 'amqplib';
import { backoffMs } from './backoff.ts';
import { BrokerError } from './brokerError.ts';
import type { BrokerLog } from './brokerLog.ts';
import type { BrokerStats, Delivery, PublishRequest } from './brokerTypes.ts';
import { decideSettlement } from './core/decideSettlement.ts';
import type { Settlement } from './core/decideSettlement.ts';
import type { QueueRoutes } from './core/routes.ts';
import type { Outcome } from './outcome.ts';
import type { ChannelLife } from './superviseChannel.ts';
import { waitFor } from './waitFor.ts';

/** How a message ended, for metrics; `stale` = its channel was gone, the broker gives it out again. */
export type Settled = keyof BrokerStats['settled'];

const refusedBackoff = { minMs: 1_000, maxMs: 30_000 };

/**
 * The one place that acknowledges. A copy (ladder, dead letter) is confirmed before the original is acknowledged; while it cannot be published the
 * message stays unacknowledged and is tried again, and when its channel ends the broker gives it out again: nothing is lost, something may come twice.
 */
export async function settle(options: {
  readonly life: ChannelLife<Channel>;
  readonly message: ConsumeMessage;
  readonly delivery: Delivery;
  readonly outcome: Outcome;
  readonly routes: QueueRoutes;
  readonly publish: (request: PublishRequest) => Promise<void>;
  readonly requeueDelayMs: number;
  readonly log: BrokerLog;
  readonly now: () => string;
}): Promise<Settled> {
  const { life, message, delivery, outcome, routes, publish, requeueDelayMs, log, now } = options;
  const settlement = decideSettlement({ outcome, facts: delivery, routes, now: now() });
  const about = { queue: delivery.queue, type: delivery.type, messageId: delivery.messageId, attempt: delivery.attempt };

  if (settlement.kind === 'ack') return ifOpen(life, () => life.channel.ack(message), 'done');
  if (settlement.kind === 'handBack') {
    log.warn({ ...about, reason: settlement.reason }, 'handed back to its queue');
    return handBack(life, message);
  }
  if (settlement.kind === 'requeue') {
    log.warn({ ...about, reason: settlement.reason }, 'given back to its queue');
    await waitFor(requeueDelayMs, life.ended);
    // reject, not nack: from RabbitMQ 4.3 only a reject counts towards the delivery limit that ends a loop.
    return ifOpen(life, () => life.channel.reject(message, true), 'requeued');
  }
  if (settlement.kind === 'drop') {
    log.error({ ...about, reason: settlement.reason }, 'dropped: this queue keeps no dead letters');
    return ifOpen(life, () => life.channel.ack(message), 'dead');
  }
  log.warn({ ...about, reason: settlement.headers['reason'], class: settlement.headers['class'] }, settlement.as === 'dead' ? 'dead letter' : 'tried again later');
  if (!(await publishCopy({ settlement, message, delivery, life, publish, log, about }))) return 'stale';
  return ifOpen(life, () => life.channel.ack(message), settlement.as);
}

/** Gives a message back on which nobody has done anything; not counted as a failure where the broker knows the difference. */
export function handBack(life: ChannelLife<Channel>, message: ConsumeMessage): Settled {
  return ifOpen(life, () => life.channel.nack(message, false, true), 'requeued');
}

/** False where the life ended before the copy was confirmed. */
async function publishCopy(options: {
  readonly settlement: Extract<Settlement, { kind: 'copy' }>;
  readonly message: ConsumeMessage;
  readonly delivery: Delivery;
  readonly life: ChannelLife<Channel>;
  readonly publish: (request: PublishRequest) => Promise<void>;
  readonly log: BrokerLog;
  readonly about: object;
}): Promise<boolean> {
  const { settlement, delivery, life, publish, log, about } = options;
  const { correlationId, contentType, contentEncoding } = delivery;
  for (let failures = 0; life.open; failures += 1) {
    try {
      await publish({
        ...settlement.to,
        type: delivery.type,
        messageId: delivery.messageId,
        body: delivery.body,
        headers: settlement.headers,
        ...(correlationId === undefined ? {} : { correlationId }),
        ...(contentType === undefined ? {} : { contentType }),
        ...(contentEncoding === undefined ? {} : { contentEncoding }),
        // While the broker is away or blocked there is nothing better to do than to wait; the end of this channel ends the wait.
        deadlineMs: Number.POSITIVE_INFINITY,
        signal: life.ended,
      });
      return true;
    } catch (error) {
      if (!life.open) break;
      if (error instanceof BrokerError && error.code === 'closed') return false;
      log.error({ ...about, err: error, to: settlement.to }, 'the copy of a message was not taken; the message stays where it is, trying again');
      await waitFor(backoffMs(refusedBackoff, failures, Math.random()), life.ended);
    }
  }
  return false;
}

/** Acknowledging on a channel that has closed would throw, and on its successor would hit another message. */
function ifOpen(life: ChannelLife<Channel>, act: () => void, settled: Settled): Settled {
  if (!life.open) return 'stale';
  try {
    act();
    return settled;
  } catch {
    // Closing under our hands: the broker has taken the message back already.
    return 'stale';
  }
}
