import { IllegalOperationError } from 'amqplib';
import type { ConfirmChannel, Options } from 'amqplib';
import { createAbortGroups } from './abortGroups.ts';
import { backoffMs } from './backoff.ts';
import { BrokerError } from './brokerError.ts';
import type { BrokerErrorCode } from './brokerError.ts';
import type { BrokerLog } from './brokerLog.ts';
import type { PublishRequest } from './brokerTypes.ts';
import { encodeMessage } from './encodeMessage.ts';
import type { Link } from './link.ts';
import { superviseChannel } from './superviseChannel.ts';
import type { ChannelLife } from './superviseChannel.ts';

/** How much may be unconfirmed at once, and how long confirms may stand still before the connection counts as dead. */
export interface PublishLimits {
  readonly maxInFlight: number;
  readonly maxInFlightBytes: number;
  readonly confirmTimeoutMs: number;
}

export const defaultPublishLimits: PublishLimits = { maxInFlight: 500, maxInFlightBytes: 8 * 1024 * 1024, confirmTimeoutMs: 10_000 };

/** Publishes with confirms; every message is in exactly one place: waiting, in flight, or pausing after a nack. */
export interface Publisher {
  publish(request: PublishRequest): Promise<void>;
  readonly inFlight: number;
  readonly inFlightBytes: number;
  readonly waiting: number;
  readonly counts: { readonly published: number; readonly repeated: number; readonly unroutable: number };
  /** Waits up to `deadlineMs` for what is under way, then rejects the rest as `closed`. */
  close(deadlineMs: number): Promise<void>;
}

interface Job {
  readonly request: PublishRequest;
  readonly content: Buffer;
  readonly properties: Options.Publish;
  readonly deadlineAt: number;
  readonly finish: (error?: BrokerError) => void;
  ended: boolean;
  sentAt: number;
  tries: number;
  nacks: number;
  /** In flight when the broker closed the channel for cause: sent alone from then on, to find the one that it cannot bear. */
  suspect: boolean;
  /** The topology was declared again on its behalf already. */
  healed: boolean;
  returned: string | undefined;
  lastFailure: { readonly code: BrokerErrorCode; readonly cause?: unknown } | undefined;
}

const sweepMs = 100;
const nackBackoff = { minMs: 100, maxMs: 5_000 };
const defaultDeadlineMs = 30_000;

/** Opens a confirm channel on the link and publishes through it, first come, first sent. `heal` declares the topology again when a target is missing. */
export function createPublisher(options: { readonly link: Link; readonly limits: PublishLimits; readonly heal: () => Promise<boolean>; readonly log: BrokerLog }): Publisher {
  const { link, limits, heal, log } = options;
  let unsent: Job[] = []; // what has just come or must go again, the older first
  let head = 0;
  const inFlight = new Map<number, Job>(); // by delivery tag of the current channel life
  let inFlightBytes = 0;
  const pausing = new Set<Job>();
  let nextTag = 1;
  let lastProgressAt = 0;
  let sweeper: NodeJS.Timeout | undefined;
  let sweptAt = 0;
  let life: ChannelLife<ConfirmChannel> | undefined;
  let closing = false;
  let alive = 0; // jobs that have not ended, wherever they are
  const whenIdle: (() => void)[] = [];
  const counts = { published: 0, repeated: 0, unroutable: 0 };

  const waiting = (): number => Math.max(0, alive - inFlight.size);

  const end = (job: Job, error?: BrokerError): void => {
    if (job.ended) return;
    job.ended = true;
    pausing.delete(job);
    if (!error) counts.published += 1;
    job.finish(error);
    alive -= 1;
    if (alive === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
      unsent = [];
      head = 0;
      for (const resolve of whenIdle.splice(0)) resolve();
    }
  };

  const fail = (job: Job, code: BrokerErrorCode, message: string, cause?: unknown): void => {
    const { messageId, type, exchange, routingKey } = job.request;
    if (code === 'unroutable') counts.unroutable += 1;
    end(job, new BrokerError(code, `${message} (message ${messageId} to ${exchange || 'the default exchange'}, key ${routingKey})`, { cause, details: { messageId, type, exchange, routingKey, tries: job.tries } }));
  };

  const signals = createAbortGroups<Job>((job, reason) => fail(job, 'aborted', 'given up by its sender', reason));

  const putBack = (jobs: readonly Job[]): void => {
    unsent = [...jobs, ...unsent.slice(head)].filter((job) => !job.ended);
    head = 0;
  };

  const take = (tag: number): Job | undefined => {
    const job = inFlight.get(tag);
    if (!job) return undefined;
    inFlight.delete(tag);
    inFlightBytes -= job.content.length;
    return job;
  };

  const pump = (): void => {
    while (head < unsent.length && life?.open && link.blocked === undefined) {
      const job = unsent[head];
      if (!job || job.ended) {
        head += 1;
        continue;
      }
      const alone = inFlight.size === 0;
      const room = inFlight.size < limits.maxInFlight && inFlightBytes + job.content.length <= limits.maxInFlightBytes;
      const oneByOne = job.suspect || inFlight.values().next().value?.suspect === true;
      if (!alone && (!room || oneByOne)) break;
      head += 1;
      send(job, life.channel);
    }
    if (head > 1_000 && head * 2 > unsent.length) {
      unsent = unsent.slice(head);
      head = 0;
    }
  };

  const send = (job: Job, channel: ConfirmChannel): void => {
    try {
      channel.publish(job.request.exchange, job.request.routingKey, job.content, job.properties);
    } catch (error) {
      if (error instanceof RangeError) return fail(job, 'too_large', 'the headers do not fit into 64 KiB', error);
      if (!(error instanceof IllegalOperationError)) return fail(job, 'refused', 'a property or header cannot be encoded', error);
      // The channel closed between the look and the call: its end puts everything else back, and this one goes first.
      job.lastFailure = { code: 'connection_lost', cause: error };
      life = undefined;
      return putBack([job]);
    }
    if (job.tries > 0) counts.repeated += 1;
    job.tries += 1;
    job.returned = undefined;
    job.sentAt = performance.now();
    if (inFlight.size === 0) lastProgressAt = job.sentAt;
    inFlight.set(nextTag, job);
    nextTag += 1;
    inFlightBytes += job.content.length;
  };

  const onConfirmed = (job: Job): void => {
    job.suspect = false;
    if (job.returned === undefined) return end(job);
    const reason = job.returned;
    if (job.healed || job.ended) return fail(job, 'unroutable', `no queue takes it: ${reason}`);
    job.healed = true;
    retryAfterHealing(job, () => fail(job, 'unroutable', `no queue takes it: ${reason}`));
  };

  /** Declares the topology once on behalf of a message and sends it again; gives up where there is nothing to declare. */
  const retryAfterHealing = (job: Job, giveUp: () => void): void => {
    pausing.add(job);
    void heal().then((healed) => {
      if (!pausing.delete(job)) return;
      if (!healed) return giveUp();
      putBack([job]);
      pump();
    });
  };

  const onNacked = (job: Job): void => {
    job.lastFailure = { code: 'nacked' };
    job.nacks += 1;
    pausing.add(job);
    setTimeout(
      () => {
        if (!pausing.delete(job)) return;
        putBack([job]);
        pump();
      },
      backoffMs(nackBackoff, job.nacks - 1, Math.random()),
    );
  };

  const eachUpTo = (tag: number, multiple: boolean, act: (job: Job) => void): void => {
    lastProgressAt = performance.now();
    if (!multiple) {
      const job = take(tag);
      if (job) act(job);
    } else {
      for (const known of inFlight.keys()) {
        if (known > tag) break;
        const job = take(known);
        if (job) act(job);
      }
    }
    pump();
  };

  const onReturned = (message: { readonly fields: object; readonly properties: { readonly messageId?: unknown } }): void => {
    const fields: { readonly exchange?: unknown; readonly routingKey?: unknown; readonly replyText?: unknown } = message.fields;
    for (const job of inFlight.values()) {
      const { messageId, exchange, routingKey } = job.request;
      // Two in flight with all three alike are the same message: both found no queue.
      if (messageId === message.properties.messageId && exchange === fields.exchange && routingKey === fields.routingKey) job.returned = String(fields.replyText);
    }
  };

  const channel = superviseChannel<ConfirmChannel>({
    link,
    name: 'publish',
    open: (model) => model.createConfirmChannel({ highWaterMark: 16 }),
    setup: async (opened) => {
      opened.channel.on('ack', ({ deliveryTag, multiple }) => opened.open && eachUpTo(deliveryTag, multiple, onConfirmed));
      opened.channel.on('nack', ({ deliveryTag, multiple }) => opened.open && eachUpTo(deliveryTag, multiple, onNacked));
      opened.channel.on('return', onReturned);
      nextTag = 1;
      life = opened;
      pump();
    },
    onEnd: (_ended, { code, error }) => {
      life = undefined;
      const unconfirmed = [...inFlight.values()];
      inFlight.clear();
      inFlightBytes = 0;
      const byBroker = code === 403 || code === 404 || code === 406 || code === 540;
      const culprit = byBroker && unconfirmed.length === 1 ? unconfirmed[0] : undefined;
      for (const job of unconfirmed) {
        job.lastFailure ??= { code: 'connection_lost', cause: error };
        if (byBroker) job.suspect = true;
      }
      putBack(unconfirmed);
      if (!culprit || culprit.ended) return;
      head += 1; // the culprit was put first
      if (code === 404 && !culprit.healed) {
        culprit.healed = true;
        retryAfterHealing(culprit, () => fail(culprit, 'unroutable', 'the exchange does not exist', error));
      } else if (code === 404) fail(culprit, 'unroutable', 'the exchange does not exist', error);
      else fail(culprit, 'refused', `the broker closed the channel because of it (${code})`, error);
    },
    log,
  });
  const endListening = link.onChange(() => {
    if (link.blocked === undefined) lastProgressAt = performance.now();
    pump();
  });

  /** Ends what is over its deadline, and cuts a connection on which confirms have stopped. */
  const sweep = (): void => {
    const now = performance.now();
    // After a pause of the whole process the confirms may lie unread in the socket: that is no silence of the broker's.
    const pausedProcess = now - sweptAt > 1_000;
    sweptAt = now;
    if (pausedProcess) {
      lastProgressAt = now;
      return;
    }
    const isOver = (job: Job): boolean => !job.ended && now >= job.deadlineAt;
    for (const [tag, job] of inFlight) {
      if (!isOver(job)) continue;
      take(tag);
      if (link.blocked === undefined) fail(job, 'confirm_timeout', 'sent, but not confirmed in time; it may have been stored', job.lastFailure?.cause);
      else fail(job, 'blocked', 'the broker is out of memory or disk', link.blocked);
    }
    for (const job of [...unsent.slice(head), ...pausing]) {
      if (!isOver(job)) continue;
      if (link.blocked !== undefined) fail(job, 'blocked', `the broker is out of memory or disk: ${link.blocked}`);
      else if (life?.open && job.lastFailure) fail(job, job.lastFailure.code, 'not taken by the broker in time', job.lastFailure.cause);
      else if (life?.open) fail(job, 'confirm_timeout', 'too many messages before it were not confirmed in time');
      else fail(job, 'connection_lost', 'not connected to the broker', link.lastError ?? job.lastFailure?.cause);
    }
    if (unsent.some((job, index) => index >= head && job.ended)) putBack([]); // the dead must not keep their bodies while the broker is away
    const silentFor = now - Math.max(lastProgressAt, inFlight.values().next().value?.sentAt ?? now);
    if (inFlight.size > 0 && link.blocked === undefined && silentFor > limits.confirmTimeoutMs) {
      lastProgressAt = now;
      for (const job of inFlight.values()) job.lastFailure = { code: 'confirm_timeout' };
      link.cut(`no confirm for ${limits.confirmTimeoutMs} ms`);
    }
    pump();
  };

  return {
    publish(request) {
      if (closing) return Promise.reject(new BrokerError('closed', `the broker connection is closing (message ${request.messageId})`));
      const { signal, deadlineMs = defaultDeadlineMs } = request;
      return new Promise((resolve, reject) => {
        const { content, properties } = encodeMessage(request);
        const job: Job = {
          request,
          content,
          properties,
          deadlineAt: performance.now() + deadlineMs,
          finish: (error) => {
            if (signal) signals.leave(signal, job);
            if (error) reject(error);
            else resolve();
          },
          ended: false,
          sentAt: 0,
          tries: 0,
          nacks: 0,
          suspect: false,
          healed: false,
          returned: undefined,
          lastFailure: undefined,
        };
        if (signal?.aborted) return reject(new BrokerError('aborted', `given up by its sender before it was sent (message ${request.messageId})`, { cause: signal.reason }));
        if (signal) signals.join(signal, job);
        unsent.push(job);
        alive += 1;
        if (!sweeper) {
          sweptAt = performance.now();
          sweeper = setInterval(sweep, sweepMs);
        }
        pump();
      });
    },
    get inFlight() {
      return inFlight.size;
    },
    get inFlightBytes() {
      return inFlightBytes;
    },
    get waiting() {
      return waiting();
    },
    counts,
    async close(deadlineMs) {
      closing = true;
      const startedAt = performance.now();
      if (alive > 0) {
        let timer: NodeJS.Timeout | undefined;
        await Promise.race([
          new Promise<void>((resolve) => whenIdle.push(resolve)),
          new Promise<void>((resolve) => {
            timer = setTimeout(resolve, deadlineMs);
          }),
        ]);
        clearTimeout(timer);
      }
      for (const job of [...inFlight.values(), ...unsent.slice(head), ...pausing]) fail(job, 'closed', 'the broker connection was closed before it was confirmed');
      clearInterval(sweeper);
      endListening();
      await channel.stop(Math.max(100, deadlineMs - (performance.now() - startedAt)));
    },
  };
}
