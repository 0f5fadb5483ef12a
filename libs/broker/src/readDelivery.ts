import type { ConsumeMessage } from 'amqplib';
import { BrokerError } from './brokerError.ts';
import type { Delivery } from './brokerTypes.ts';
import { messageHeaders } from './messageHeaders.ts';

/** A message of the broker as a handler sees it; whatever is missing or of a wrong type gets a plain default, so that nothing here throws. */
export function readDelivery(message: ConsumeMessage, context: { readonly queue: string; readonly signal: AbortSignal; readonly now: string }): Delivery {
  const { fields, properties, content } = message;
  const headers: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const tried = headers[messageHeaders.attempt];
  const stamp: unknown = properties.timestamp;
  const correlationId = textOf(properties.correlationId);
  const contentType = textOf(properties.contentType);
  const contentEncoding = textOf(properties.contentEncoding);
  return {
    body: content,
    json: () => parseBody(content),
    type: textOf(properties.type) ?? '',
    messageId: textOf(properties.messageId) ?? '',
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    headers,
    redelivered: fields.redelivered,
    attempt: typeof tried === 'number' && Number.isSafeInteger(tried) && tried >= 0 ? tried + 1 : 1,
    queue: context.queue,
    exchange: textOf(headers[messageHeaders.exchange]) ?? fields.exchange,
    routingKey: textOf(headers[messageHeaders.routingKey]) ?? fields.routingKey,
    firstSeenAt: textOf(headers[messageHeaders.firstSeenAt]) ?? (typeof stamp === 'number' && stamp > 0 && stamp < 1e11 ? new Date(stamp * 1000).toISOString() : context.now),
    signal: context.signal,
  };
}

/** Throws `bad_body` where the bytes are no JSON. */
export function parseBody(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch (error) {
    throw new BrokerError('bad_body', `expected JSON, got ${content.length} bytes that are none`, { cause: error });
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
