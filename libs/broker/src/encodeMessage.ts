import { exactJson } from '@gleaner/contracts';
import type { Options } from 'amqplib';
import { BrokerError } from './brokerError.ts';

/** What an encoded body may weigh: RabbitMQ 4 refuses more than 16 MiB by closing the channel, so we refuse before. */
const maxBodyBytes = 16 * 1024 * 1024;

/** What is common to everything that is sent. */
export interface OutgoingMessage {
  readonly type: string;
  readonly body: Buffer | string | object;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly expiresMs?: number;
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

/** Body and AMQP properties of a message: persistent, mandatory, time stamp in seconds. Throws `too_large` for a body over 16 MiB. */
export function encodeMessage(message: OutgoingMessage): { readonly content: Buffer; readonly properties: Options.Publish } {
  const { body, type, messageId, correlationId, replyTo, headers, expiresMs, contentEncoding } = message;
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const content = Buffer.isBuffer(body) ? body : Buffer.from(isJson ? exactJson(body) : String(body));
  if (content.length > maxBodyBytes) {
    throw new BrokerError('too_large', `a message holds at most ${maxBodyBytes} bytes, got ${content.length}`, { details: { messageId, type, bytes: content.length } });
  }
  return {
    content,
    properties: {
      persistent: true,
      mandatory: true,
      type,
      timestamp: Math.floor(Date.now() / 1000),
      contentType: message.contentType ?? (isJson ? 'application/json' : 'application/octet-stream'),
      headers: { ...headers },
      ...(messageId === undefined ? {} : { messageId }),
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(expiresMs === undefined ? {} : { expiration: Math.max(1, Math.round(expiresMs)) }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
    },
  };
}
