import type { ConsumeMessage } from 'amqplib';
import { createAnnouncer } from './announcer.ts';
import { BrokerError } from './brokerError.ts';
import type { BrokerLog } from './brokerLog.ts';
import type { Broker, BrokerStats, Consumer, Delivery, Subscription } from './brokerTypes.ts';
import { createConsumer } from './consume.ts';
import { routesOf } from './core/routes.ts';
import { createTopologyKeeper } from './declareTopology.ts';
import { openLink } from './link.ts';
import type { Link } from './link.ts';
import { dead, done } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { createPublisher, defaultPublishLimits } from './publisher.ts';
import type { PublishLimits } from './publisher.ts';
import { createRequester, replyTypes } from './requester.ts';
import { createSubscription } from './subscribe.ts';
import { settledWithin } from './waitFor.ts';

export interface ConnectOptions {
  readonly url: string;
  /** Shown by the broker beside both connections. */
  readonly name: string;
  readonly log: BrokerLog;
  /** How long to wait for the first connection, ms; default 30,000. 0: do not wait, connect behind the scenes, even after a wrong password. */
  readonly waitMs?: number;
  /** How long one try to connect may take, ms; default 10,000. */
  readonly connectTimeoutMs?: number;
  readonly limits?: Partial<PublishLimits>;
}

const defaultWaitMs = 30_000;
const defaultConnectTimeoutMs = 10_000;
const defaultCloseMs = 10_000;
const defaultRequeueDelayMs = 1_000;

/**
 * Connects twice, for publishing and for consuming: a broker that is out of memory stops reading from publishers, and acks must still arrive.
 * Rejects at once with `access_refused` or `no_such_vhost`, after `waitMs` with `unreachable`; later losses heal by themselves.
 */
export async function connectBroker(options: ConnectOptions): Promise<Broker> {
  const { url, name, log, waitMs = defaultWaitMs, connectTimeoutMs = defaultConnectTimeoutMs } = options;
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol)) {
    throw new BrokerError('unreachable', 'AMQP_URL is no address: expected amqp://user:password@host:5672/vhost');
  }
  const failFast = waitMs > 0;
  const publishLink = openLink({ url, name: `${name} publish`, log, failFast, connectTimeoutMs });
  const consumeLink = openLink({ url, name: `${name} consume`, log, failFast, connectTimeoutMs });
  if (failFast) await waitForFirst([publishLink, consumeLink], waitMs);
  return assemble({ publishLink, consumeLink, limits: { ...defaultPublishLimits, ...options.limits }, log });
}

async function waitForFirst(links: readonly Link[], waitMs: number): Promise<void> {
  const up = Promise.all(links.map((link) => link.up()));
  up.catch(() => undefined); // looked at below; it may also fail after the time is over
  try {
    if (!(await settledWithin(up, waitMs))) {
      throw links.find((link) => link.lastError)?.lastError ?? new BrokerError('unreachable', `no connection to the broker within ${waitMs} ms`);
    }
    await up;
  } catch (error) {
    await Promise.all(links.map((link) => link.close(500)));
    throw error;
  }
}

function assemble(parts: { readonly publishLink: Link; readonly consumeLink: Link; readonly limits: PublishLimits; readonly log: BrokerLog }): Broker {
  const { publishLink, consumeLink, limits, log } = parts;
  const topology = createTopologyKeeper({ link: consumeLink, log });
  const heal = async (): Promise<void> => void (await topology.heal());
  const publisher = createPublisher({ link: publishLink, limits, heal: () => topology.heal(), log });
  const announcer = createAnnouncer({ link: publishLink, heal, log });
  let requester: ReturnType<typeof createRequester> | undefined;
  const consumers = new Set<Consumer>();
  const subscriptions = new Set<Subscription>();
  const settled: Record<keyof BrokerStats['settled'], number> = { done: 0, retried: 0, dead: 0, requeued: 0, stale: 0 };
  let closing: Promise<void> | undefined;

  const startConsumer = (options: {
    queue: string;
    concurrency: number;
    handle: (delivery: Delivery, message: ConsumeMessage) => Promise<Outcome> | Outcome;
    signal: AbortSignal | undefined;
    requeueDelayMs: number | undefined;
  }): Consumer => {
    const { queue, concurrency, handle, signal, requeueDelayMs = defaultRequeueDelayMs } = options;
    const inner = createConsumer({
      link: consumeLink,
      queue,
      concurrency,
      handle,
      routes: () => routesOf(queue, topology.known),
      publish: (request) => publisher.publish(request),
      heal,
      onHealed: (listener) => topology.onHealed(listener),
      requeueDelayMs,
      onSettled: (how) => {
        settled[how] += 1;
      },
      log,
    });
    consumers.add(inner);
    const onAbort = (): void => void inner.stop();
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    return inner;
  };

  const answer = async (handler: (delivery: Delivery) => Promise<object> | object, delivery: Delivery, message: ConsumeMessage): Promise<Outcome> => {
    const replyTo: unknown = message.properties.replyTo;
    if (typeof replyTo !== 'string' || delivery.correlationId === undefined) return dead('a request needs replyTo and correlationId', { class: 'unreadable' });
    const reply = (type: string, body: object): void => {
      const { correlationId } = delivery;
      if (correlationId === undefined) return;
      if (!announcer.send('', replyTo, { type, body, correlationId })) log.warn({ queue: delivery.queue, correlationId }, 'an answer was dropped; its asker will time out');
    };
    try {
      reply(replyTypes.result, await handler(delivery));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? { code: String(error.code) } : {};
      reply(replyTypes.error, { ...code, message: error instanceof Error ? error.message : String(error) });
    }
    // Whatever became of it, its asker is waiting now and not later: there is no second try.
    return done();
  };

  const close = async (deadlineMs: number): Promise<void> => {
    const endAt = performance.now() + deadlineMs;
    const left = (): number => Math.max(100, endAt - performance.now());
    await settledWithin(Promise.all([...consumers].map((consumer) => consumer.stop({ deadlineMs: left() * 0.6 }))), left());
    await settledWithin(Promise.all([...subscriptions].map((subscription) => subscription.stop())), Math.min(1_000, left()));
    await requester?.stop(Math.min(500, left()));
    await announcer.stop(Math.min(500, left()));
    await publisher.close(left() * 0.6);
    await Promise.all([publishLink.close(Math.min(2_000, left())), consumeLink.close(Math.min(2_000, left()))]);
  };

  return {
    declare: (shape) => topology.declare(shape),
    publish: (request) => publisher.publish(request),
    announce: (exchange, routingKey, body, type = '') => void announcer.send(exchange, routingKey, { type, body }),
    consume: ({ queue, concurrency, handler, signal, requeueDelayMs }) => startConsumer({ queue, concurrency, handle: handler, signal, requeueDelayMs }),
    subscribe: ({ exchange, routingKeys, handler, onGap }) => {
      const subscription = createSubscription({ link: consumeLink, exchange, routingKeys, handler, onGap, heal, log });
      subscriptions.add(subscription);
      return subscription;
    },
    request: (request) => {
      requester ??= createRequester({ link: publishLink, heal, log });
      return requester.request(request);
    },
    reply: ({ queue, concurrency, handler }) =>
      startConsumer({ queue, concurrency, handle: (delivery, message) => answer(handler, delivery, message), signal: undefined, requeueDelayMs: undefined }),
    health: () => {
      const ok = publishLink.state === 'up' && consumeLink.state === 'up' && publishLink.blocked === undefined;
      const error = publishLink.lastError ?? consumeLink.lastError;
      return {
        ok,
        detail: {
          publish: publishLink.blocked === undefined ? publishLink.state : `blocked: ${publishLink.blocked}`,
          consume: consumeLink.state,
          waiting: publisher.waiting,
          ...(error && !ok ? { error: error.code, message: error.message } : {}),
        },
      };
    },
    stats: () => ({
      inFlight: publisher.inFlight,
      inFlightBytes: publisher.inFlightBytes,
      waiting: publisher.waiting,
      ...publisher.counts,
      ...announcer.counts,
      reconnects: Math.max(0, publishLink.generation - 1) + Math.max(0, consumeLink.generation - 1),
      settled: { ...settled },
    }),
    close: ({ deadlineMs = defaultCloseMs } = {}) => (closing ??= close(deadlineMs)),
  };
}
