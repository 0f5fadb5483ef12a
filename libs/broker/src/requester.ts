import { randomUUID } from 'node:crypto';
import type { Channel } from 'amqplib';
import { BrokerError } from './brokerError.ts';
import type { BrokerLog } from './brokerLog.ts';
import type { AskRequest } from './brokerTypes.ts';
import { encodeMessage } from './encodeMessage.ts';
import type { Link } from './link.ts';
import { parseBody } from './readDelivery.ts';
import { superviseChannel } from './superviseChannel.ts';
import type { ChannelLife } from './superviseChannel.ts';

/** The `type` of an answer: the result, or the error of the one who answered. */
export const replyTypes = { result: 'reply.result', error: 'reply.error' } as const;

/** Asks and waits for answers by RabbitMQ's direct reply-to, which needs request and answer on one channel. */
export interface Requester {
  request(request: AskRequest): Promise<unknown>;
  stop(deadlineMs: number): Promise<void>;
}

interface Pending {
  readonly life: ChannelLife<Channel>;
  readonly settle: (result: { readonly value: unknown } | { readonly error: BrokerError }) => void;
}

/** `heal` declares the topology again when no queue takes a request; the request itself fails, its asker is waiting. */
export function createRequester(options: { readonly link: Link; readonly heal: () => Promise<void>; readonly log: BrokerLog }): Requester {
  const { link, heal, log } = options;
  const pending = new Map<string, Pending>();
  const openings = new Set<() => void>();
  let life: ChannelLife<Channel> | undefined;

  const onReply = (content: Buffer, properties: { readonly correlationId?: unknown; readonly type?: unknown }): void => {
    const asked = pending.get(String(properties.correlationId));
    if (!asked) return log.debug({ correlationId: properties.correlationId }, 'an answer came too late');
    try {
      const value = parseBody(content);
      asked.settle(properties.type === replyTypes.error ? { error: remoteError(value) } : { value });
    } catch (error) {
      asked.settle({ error: new BrokerError('bad_body', 'the answer is no JSON', { cause: error }) });
    }
  };

  const channel = superviseChannel<Channel>({
    link,
    name: 'request',
    open: (model) => model.createChannel(),
    setup: async (opened) => {
      opened.channel.on('return', ({ properties }) => {
        pending.get(String(properties.correlationId))?.settle({ error: new BrokerError('unroutable', 'no queue takes the request') });
        void heal();
      });
      await opened.channel.consume('amq.rabbitmq.reply-to', (message) => (message ? onReply(message.content, message.properties) : opened.end('cancelled')), { noAck: true });
      life = opened;
      const asking = Array.from(openings);
      openings.clear();
      for (const ask of asking) ask();
    },
    onEnd: (ended, { error }) => {
      if (life === ended) life = undefined;
      for (const asked of pending.values()) {
        if (asked.life === ended) asked.settle({ error: new BrokerError('connection_lost', 'the connection was lost before the answer came', { cause: error }) });
      }
    },
    heal,
    log,
  });

  return {
    request(request) {
      const { exchange, routingKey, type, body, deadlineMs, signal } = request;
      const correlationId = randomUUID();
      return new Promise((resolve, reject) => {
        const settle: Pending['settle'] = (result) => {
          clearTimeout(timer);
          pending.delete(correlationId);
          openings.delete(send);
          signal?.removeEventListener('abort', onAbort);
          if ('error' in result) reject(result.error);
          else resolve(result.value);
        };
        const onAbort = (): void => settle({ error: new BrokerError('aborted', 'given up by its asker', { cause: signal?.reason }) });
        const send = (): void => {
          openings.delete(send);
          const current = life;
          if (!current?.open) return void openings.add(send);
          pending.set(correlationId, { life: current, settle });
          try {
            const { content, properties } = encodeMessage({ type, body, messageId: correlationId, correlationId, replyTo: 'amq.rabbitmq.reply-to', expiresMs: deadlineMs });
            current.channel.publish(exchange, routingKey, content, { ...properties, persistent: false });
          } catch (error) {
            settle({ error: error instanceof BrokerError ? error : new BrokerError('connection_lost', 'the connection was lost while asking', { cause: error }) });
          }
        };
        const timer = setTimeout(() => {
          if (link.blocked !== undefined) settle({ error: new BrokerError('blocked', `the broker is out of memory or disk: ${link.blocked}`) });
          else if (pending.has(correlationId)) settle({ error: new BrokerError('no_reply', `no answer within ${deadlineMs} ms`) });
          else settle({ error: new BrokerError('connection_lost', `not connected within ${deadlineMs} ms`, { cause: link.lastError }) });
        }, deadlineMs);
        if (signal?.aborted) return onAbort();
        signal?.addEventListener('abort', onAbort, { once: true });
        send();
      });
    },
    async stop(deadlineMs) {
      for (const asked of pending.values()) asked.settle({ error: new BrokerError('closed', 'the broker connection is closing') });
      await channel.stop(deadlineMs);
    },
  };
}

function remoteError(value: unknown): BrokerError {
  const { code, message } = typeof value === 'object' && value !== null && 'message' in value ? { code: 'code' in value ? value.code : undefined, message: value.message } : { code: undefined, message: value };
  return new BrokerError('remote_error', String(message), { details: code === undefined ? {} : { code } });
}
