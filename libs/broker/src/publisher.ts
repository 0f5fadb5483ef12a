import { IllegalOperationError } from 'amqplib';
import type { ConfirmChannel, Options } from 'amqplib';
import { createAbortGroups } from './abortGroups.ts';
import { backoffMs } from './backoff.ts';
import { BrokerError } from './brokerError.ts';
import type { BrokerErrorCode } from './brokerError.ts';
import type { BrokerLog } from './brokerLog.ts';
import type { PublishRequest } from './brokerTypes.ts';
import { createSendWindow } from './core/createSendWindow.ts';
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

interface Outgoing {
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
  const window = createSendWindow<Outgoing>(limits);
  const pausing = new Set<Outgoing>();
  let lastProgressAt = 0;
  let sweeper: NodeJS.Timeout | undefined;
  let sweptAt = 0;
  let life: ChannelLife<ConfirmChannel> | undefined;
  let closing = false;
  let alive = 0; // messages that have not ended, wherever they are
  const whenIdle: (() => void)[] = [];
  const counts = { published: 0, repeated: 0, unroutable: 0 };

  const end = (outgoing: Outgoing, error?: BrokerError): void => {
    if (outgoing.ended) return;
    outgoing.ended = true;
    pausing.delete(outgoing);
    if (!error) counts.published += 1;
    outgoing.finish(error);
    alive -= 1;
    if (alive === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
      window.tidy();
      for (const resolve of whenIdle.splice(0)) resolve();
    }
  };

  const fail = (outgoing: Outgoing, code: BrokerErrorCode, message: string, cause?: unknown): void => {
    const { messageId, type, exchange, routingKey } = outgoing.request;
    if (code === 'unroutable') counts.unroutable += 1;
    end(outgoing, new BrokerError(code, `${message} (message ${messageId} to ${exchange || 'the default exchange'}, key ${routingKey})`, { cause, details: { messageId, type, exchange, routingKey, tries: outgoing.tries } }));
  };

  const signals = createAbortGroups<Outgoing>((outgoing, reason) => fail(outgoing, 'aborted', 'given up by its sender', reason));

  const pump = (): void => {
    while (life?.open && link.blocked === undefined) {
      const outgoing = window.next();
      if (outgoing === undefined) return;
      send(outgoing, life.channel);
    }
  };

  const send = (outgoing: Outgoing, channel: ConfirmChannel): void => {
    try {
      channel.publish(outgoing.request.exchange, outgoing.request.routingKey, outgoing.content, outgoing.properties);
    } catch (error) {
      if (error instanceof RangeError) return fail(outgoing, 'too_large', 'the headers do not fit into 64 KiB', error);
      if (!(error instanceof IllegalOperationError)) return fail(outgoing, 'refused', 'a property or header cannot be encoded', error);
      // The channel closed between the look and the call: its end puts everything else back, and this one goes first.
      outgoing.lastFailure = { code: 'connection_lost', cause: error };
      life = undefined;
      return window.putBack([outgoing]);
    }
    if (outgoing.tries > 0) counts.repeated += 1;
    outgoing.tries += 1;
    outgoing.returned = undefined;
    outgoing.sentAt = performance.now();
    if (window.inFlight.size === 0) lastProgressAt = outgoing.sentAt;
    window.sent(outgoing);
  };

  const onConfirmed = (outgoing: Outgoing): void => {
    outgoing.suspect = false;
    if (outgoing.returned === undefined) return end(outgoing);
    const reason = outgoing.returned;
    if (outgoing.healed || outgoing.ended) return fail(outgoing, 'unroutable', `no queue takes it: ${reason}`);
    outgoing.healed = true;
    retryAfterHealing(outgoing, () => fail(outgoing, 'unroutable', `no queue takes it: ${reason}`));
  };

  /** Declares the topology once on behalf of a message and sends it again; gives up where there is nothing to declare. */
  const retryAfterHealing = (outgoing: Outgoing, giveUp: () => void): void => {
    pausing.add(outgoing);
    void heal().then((healed) => {
      if (!pausing.delete(outgoing)) return;
      if (!healed) return giveUp();
      window.putBack([outgoing]);
      pump();
    });
  };

  const onNacked = (outgoing: Outgoing): void => {
    outgoing.lastFailure = { code: 'nacked' };
    outgoing.nacks += 1;
    pausing.add(outgoing);
    setTimeout(
      () => {
        if (!pausing.delete(outgoing)) return;
        window.putBack([outgoing]);
        pump();
      },
      backoffMs(nackBackoff, outgoing.nacks - 1, Math.random()),
    );
  };

  const eachUpTo = (tag: number, multiple: boolean, act: (outgoing: Outgoing) => void): void => {
    lastProgressAt = performance.now();
    for (const outgoing of window.confirmed(tag, multiple)) act(outgoing);
    pump();
  };

  const onReturned = (message: { readonly fields: object; readonly properties: { readonly messageId?: unknown } }): void => {
    const fields: { readonly exchange?: unknown; readonly routingKey?: unknown; readonly replyText?: unknown } = message.fields;
    for (const outgoing of window.inFlight.values()) {
      const { messageId, exchange, routingKey } = outgoing.request;
      // Two in flight with all three alike are the same message: both found no queue.
      if (messageId === message.properties.messageId && exchange === fields.exchange && routingKey === fields.routingKey) outgoing.returned = String(fields.replyText);
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
      window.restart();
      life = opened;
      pump();
    },
    onEnd: (_ended, { code, error }) => {
      life = undefined;
      const unconfirmed = window.lost();
      const byBroker = code === 403 || code === 404 || code === 406 || code === 540;
      const culprit = byBroker && unconfirmed.length === 1 ? unconfirmed[0] : undefined;
      for (const outgoing of unconfirmed) {
        outgoing.lastFailure ??= { code: 'connection_lost', cause: error };
        if (byBroker) outgoing.suspect = true;
      }
      if (!culprit || culprit.ended) return window.putBack(unconfirmed);
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
    const isOver = (outgoing: Outgoing): boolean => !outgoing.ended && now >= outgoing.deadlineAt;
    for (const [tag, outgoing] of window.inFlight) {
      if (!isOver(outgoing)) continue;
      window.confirmed(tag, false); // it is waited for no more
      if (link.blocked === undefined) fail(outgoing, 'confirm_timeout', 'sent, but not confirmed in time; it may have been stored', outgoing.lastFailure?.cause);
      else fail(outgoing, 'blocked', 'the broker is out of memory or disk', link.blocked);
    }
    for (const outgoing of [...window.unsent, ...pausing]) {
      if (!isOver(outgoing)) continue;
      if (link.blocked !== undefined) fail(outgoing, 'blocked', `the broker is out of memory or disk: ${link.blocked}`);
      else if (life?.open && outgoing.lastFailure) fail(outgoing, outgoing.lastFailure.code, 'not taken by the broker in time', outgoing.lastFailure.cause);
      else if (life?.open) fail(outgoing, 'confirm_timeout', 'too many messages before it were not confirmed in time');
      else fail(outgoing, 'connection_lost', 'not connected to the broker', link.lastError ?? outgoing.lastFailure?.cause);
    }
    window.tidy(); // the dead must not keep their bodies while the broker is away
    const silentFor = now - Math.max(lastProgressAt, window.inFlight.values().next().value?.sentAt ?? now);
    if (window.inFlight.size > 0 && link.blocked === undefined && silentFor > limits.confirmTimeoutMs) {
      lastProgressAt = now;
      for (const outgoing of window.inFlight.values()) outgoing.lastFailure = { code: 'confirm_timeout' };
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
        const outgoing: Outgoing = {
          request,
          content,
          properties,
          deadlineAt: performance.now() + deadlineMs,
          finish: (error) => {
            if (signal) signals.leave(signal, outgoing);
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
        if (signal) signals.join(signal, outgoing);
        window.push(outgoing);
        alive += 1;
        if (!sweeper) {
          sweptAt = performance.now();
          sweeper = setInterval(sweep, sweepMs);
        }
        pump();
      });
    },
    get inFlight() {
      return window.inFlight.size;
    },
    get inFlightBytes() {
      return window.inFlightBytes;
    },
    get waiting() {
      return Math.max(0, alive - window.inFlight.size);
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
      for (const outgoing of [...window.inFlight.values(), ...window.unsent, ...pausing]) fail(outgoing, 'closed', 'the broker connection was closed before it was confirmed');
      clearInterval(sweeper);
      endListening();
      await channel.stop(Math.max(100, deadlineMs - (performance.now() - startedAt)));
    },
  };
}
