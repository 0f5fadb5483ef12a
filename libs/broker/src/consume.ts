import type { Channel, ConsumeMessage } from 'amqplib';
import { BrokerError } from './brokerError.ts';
import type { BrokerLog } from './brokerLog.ts';
import type { Consumer, Delivery, PublishRequest } from './brokerTypes.ts';
import type { QueueRoutes } from './core/routes.ts';
import type { Link } from './link.ts';
import { dead, retry } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { readDelivery } from './readDelivery.ts';
import { handBack, settle } from './settle.ts';
import type { Settled } from './settle.ts';
import { superviseChannel } from './superviseChannel.ts';
import type { ChannelLife } from './superviseChannel.ts';
import { settledWithin } from './waitFor.ts';
import { watchConsumer } from './watchConsumer.ts';

const defaultStopMs = 20_000;
/** After a stop ran out of time, handlers that heed their signal get this long. */
const abortGraceMs = 500;

/** Consumes a queue on a channel of its own, `concurrency` messages at a time, and settles what the handler says. `handle` also gets the raw message (for its reply address). */
export function createConsumer(options: {
  readonly link: Link;
  readonly queue: string;
  readonly concurrency: number;
  readonly handle: (delivery: Delivery, message: ConsumeMessage) => Promise<Outcome> | Outcome;
  readonly routes: () => QueueRoutes;
  readonly publish: (request: PublishRequest) => Promise<void>;
  readonly heal: () => Promise<void>;
  /** Calls back after the topology was declared again; returns what ends that. */
  readonly onHealed: (listener: () => void) => () => void;
  readonly requeueDelayMs: number;
  readonly onSettled: (settled: Settled) => void;
  readonly log: BrokerLog;
}): Consumer {
  const { link, queue, concurrency, handle, routes, publish, heal, onHealed, requeueDelayMs, onSettled, log } = options;
  const now = (): string => new Date().toISOString();
  const running = new Set<Promise<void>>();
  const expired = new AbortController(); // a stop has run out of time
  let deliveries = 0;
  let life: ChannelLife<Channel> | undefined;
  let consumerTag: string | undefined;
  let paused = false;
  let stopping: Promise<void> | undefined;
  let turn: Promise<unknown> = Promise.resolve(); // pause, resume and the first consume one after another

  let becomeReady: () => void = () => {};
  let failReady: (error: BrokerError) => void = () => {};
  const ready = new Promise<void>((resolve, reject) => {
    becomeReady = resolve;
    failReady = reject;
  });
  ready.catch(() => undefined); // whoever waits for it gets the error; nobody has to

  const onMessage = (current: ChannelLife<Channel>, message: ConsumeMessage): void => {
    deliveries += 1;
    if (stopping || paused) {
      onSettled(handBack(current, message));
      return;
    }
    const work = Promise.resolve()
      .then(() => handleOne(current, message))
      .finally(() => running.delete(work));
    running.add(work);
  };

  /** Never rejects: whatever goes wrong leaves the message unacknowledged, and the broker gives it out again. */
  const handleOne = async (current: ChannelLife<Channel>, message: ConsumeMessage): Promise<void> => {
    try {
      const delivery = readDelivery(message, { queue, now: now(), signal: AbortSignal.any([current.ended, expired.signal]) });
      const outcome = await askHandler(delivery, message);
      onSettled(await settle({ life: current, message, delivery, outcome, routes: routes(), publish, requeueDelayMs, log, now }));
    } catch (error) {
      log.error({ err: error, queue }, 'could not settle a message; the broker will give it out again when this channel ends');
    }
  };

  const askHandler = async (delivery: Delivery, message: ConsumeMessage): Promise<Outcome> => {
    try {
      return await handle(delivery, message);
    } catch (error) {
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      if (error instanceof BrokerError && error.code === 'bad_body') return dead(reason, { class: 'unreadable' });
      log.error({ err: error, queue, messageId: delivery.messageId, type: delivery.type }, 'a handler threw; its message is tried again');
      return retry(reason);
    }
  };

  const startConsuming = async (current: ChannelLife<Channel>): Promise<void> => {
    if (paused || stopping || !current.open || consumerTag !== undefined) return;
    const { consumerTag: tag } = await current.channel.consume(queue, (message) => {
      if (message) return onMessage(current, message);
      // The queue was deleted or its leader is moving: only a new consumer gets messages again.
      current.end('the broker cancelled the consumer', 404);
    });
    consumerTag = tag;
    becomeReady();
  };

  const stopConsuming = async (): Promise<void> => {
    const current = life;
    const tag = consumerTag;
    consumerTag = undefined;
    if (current?.open && tag !== undefined) await current.channel.cancel(tag);
  };

  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const result = turn.then(act);
    turn = result.catch(() => undefined); // only the order matters here: the caller gets the error from `result`
    return result;
  };

  const channel = superviseChannel<Channel>({
    link,
    name: `consume ${queue}`,
    open: (model) => model.createChannel(),
    setup: async (opened) => {
      life = opened;
      await opened.channel.prefetch(concurrency);
      await inTurn(() => startConsuming(opened));
      const watch = watchConsumer({ life: opened, queue, hasRoom: () => running.size < concurrency, deliveries: () => deliveries, isConsuming: () => consumerTag !== undefined });
      const forget = onHealed(() => void watch.check());
      opened.ended.addEventListener('abort', forget, { once: true });
    },
    onEnd: (ended) => {
      if (life !== ended) return;
      life = undefined;
      consumerTag = undefined;
    },
    heal,
    log,
  });

  const stop = async (deadlineMs: number): Promise<void> => {
    const endAt = performance.now() + deadlineMs;
    const left = (): number => Math.max(0, endAt - performance.now());
    failReady(new BrokerError('closed', `the consumer of ${queue} was stopped`));
    // A peer that is gone answers no cancel: the wait is bounded, and nothing new is begun meanwhile anyway.
    await settledWithin(inTurn(stopConsuming), Math.min(2_000, left()));
    const allDone = async (): Promise<void> => {
      while (running.size > 0) await Promise.all(running);
    };
    if (!(await settledWithin(allDone(), left()))) {
      log.warn({ queue, running: running.size }, 'handlers are still running; their messages go back to the broker');
      expired.abort(new BrokerError('closed', `the consumer of ${queue} was stopped and its time is over`));
      await settledWithin(allDone(), abortGraceMs);
    }
    await channel.stop(Math.max(200, Math.min(2_000, left())));
  };

  return {
    queue,
    ready,
    get inFlight() {
      return running.size;
    },
    get consuming() {
      return consumerTag !== undefined;
    },
    pause: () => {
      paused = true;
      return inTurn(stopConsuming).catch((error: unknown) => log.warn({ err: error, queue }, 'the consumer was not cancelled; its channel is gone'));
    },
    resume: () => {
      paused = false;
      return inTurn(async () => {
        if (life) await startConsuming(life);
      }).catch((error: unknown) => log.warn({ err: error, queue }, 'could not consume; the next channel will'));
    },
    stop: ({ deadlineMs = defaultStopMs } = {}) => (stopping ??= stop(deadlineMs)),
  };
}
