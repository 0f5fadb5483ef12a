import type { Channel } from 'amqplib';
import type { QueueShape, Topology } from '@gleaner/contracts';
import { BrokerError } from './brokerError.ts';
import type { BrokerLog } from './brokerLog.ts';
import { replyCode } from './connectFault.ts';
import type { Link } from './link.ts';
import { settledWithin, waitFor } from './waitFor.ts';

/** Remembers what was declared and makes it stand again when something of it has gone. */
export interface TopologyKeeper {
  /** Undefined until the first declare. */
  readonly known: Topology | undefined;
  declare(topology: Topology): Promise<void>;
  /** Declares again; false where there is nothing to declare or it failed (which is logged). Calls while one is under way share it; what vanishes after it is healed by the next. */
  heal(): Promise<boolean>;
  /** Called after each healing: queues may be new, and consumers of the old ones forgotten. Returns what ends that. */
  onHealed(listener: () => void): () => void;
}

const defaultDeliveryLimit = 10;
const declareDeadlineMs = 30_000;
/** A quorum queue that is declared anew within some 30 ms of its deletion keeps its old consumers as ghosts: they take messages and pass none on (seen on RabbitMQ 3.10). */
const settleBeforeHealMs = 300;

/** Declares on a short-lived channel of the consuming connection: a publishing one may be blocked, and a refused declare costs only its channel. */
export function createTopologyKeeper(options: { readonly link: Link; readonly log: BrokerLog }): TopologyKeeper {
  const { link, log } = options;
  let known: Topology | undefined;
  let healing: Promise<boolean> | undefined;
  const listeners = new Set<() => void>();

  const declareAll = async (topology: Topology): Promise<void> => {
    const attempt = (async () => {
      const model = await link.up();
      const channel = await model.createChannel();
      channel.on('error', (error) => log.debug({ err: error }, 'the broker refused a declaration'));
      try {
        for (const { name, kind } of topology.exchanges) {
          await told(`exchange ${name}`, channel.assertExchange(name, kind, { durable: true }));
        }
        for (const shape of topology.queues) await declareQueue(channel, shape);
      } finally {
        await channel.close().catch(() => undefined); // refused: the broker has closed it already
      }
    })();
    if (!(await settledWithin(attempt, declareDeadlineMs))) {
      attempt.catch(() => undefined); // given up: what it says later changes nothing of the error thrown here
      throw new BrokerError('connection_lost', `the topology could not be declared within ${declareDeadlineMs} ms`, { cause: link.lastError });
    }
    await attempt;
  };

  return {
    get known() {
      return known;
    },
    declare(topology) {
      known = topology;
      return declareAll(topology);
    },
    heal() {
      if (!known) return Promise.resolve(false);
      const topology = known;
      healing ??= waitFor(settleBeforeHealMs)
        .then(() => declareAll(topology))
        .then(
          () => {
            log.warn({}, 'something of the topology was missing; declared it again');
            for (const listener of listeners) listener();
            return true;
          },
          (error: unknown) => {
            log.error({ err: error }, 'the topology could not be declared again');
            return false;
          },
        )
        .finally(() => {
          healing = undefined;
        });
      return healing;
    },
    onHealed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

async function declareQueue(channel: Channel, shape: QueueShape): Promise<void> {
  await told(`queue ${shape.name}`, channel.assertQueue(shape.name, { durable: true, arguments: queueArguments(shape) }));
  if (shape.binding.exchange !== '') await told(`binding of ${shape.name}`, channel.bindQueue(shape.name, shape.binding.exchange, shape.binding.routingKey));
}

/** The arguments of a queue: they are part of its identity, so whatever changes here needs a new name or a deleted queue. */
function queueArguments(shape: QueueShape): Readonly<Record<string, string | number>> {
  const { kind, ttlMs, deadLetter, deliveryLimit, maxLengthBytes } = shape;
  return {
    'x-queue-type': kind,
    ...(ttlMs === undefined ? {} : { 'x-message-ttl': ttlMs }),
    ...(deadLetter === undefined ? {} : { 'x-dead-letter-exchange': deadLetter.exchange, 'x-dead-letter-routing-key': deadLetter.routingKey }),
    ...(maxLengthBytes === undefined ? {} : { 'x-max-length-bytes': maxLengthBytes }),
    ...(kind === 'quorum' ? { 'x-delivery-limit': deliveryLimit ?? defaultDeliveryLimit, 'x-overflow': 'reject-publish' } : {}),
    // With any other overflow the broker falls back to at-most-once in silence.
    ...(kind === 'quorum' && deadLetter ? { 'x-dead-letter-strategy': 'at-least-once' } : {}),
  };
}

/** Says of a refused declaration what it was about and what to do. */
async function told<T>(subject: string, declared: Promise<T>): Promise<T> {
  try {
    return await declared;
  } catch (error) {
    const code = replyCode(error);
    const options = { cause: error, details: { subject, replyCode: code } };
    if (code === 406) {
      throw new BrokerError('topology_mismatch', `${subject} exists with other arguments: empty and delete it (or give it a new name), then start again`, options);
    }
    if (code === 403) throw new BrokerError('access_refused', `the broker user may not configure ${subject}: grant it, or check AMQP_URL`, options);
    if (code === 405) throw new BrokerError('topology_mismatch', `${subject} belongs exclusively to another connection: delete it, then start again`, options);
    throw new BrokerError('connection_lost', `${subject} could not be declared`, options);
  }
}
