import { createHash } from 'node:crypto';
import { letterIdOfMessage, readMessage } from '@gleaner/contracts';

/** A message as it lies in a dead-letter queue. */
export interface DeadMessage {
  readonly body: Buffer;
  readonly type: string;
  readonly messageId: string;
  readonly correlationId?: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly exchange: string;
  readonly routingKey: string;
  readonly attempt: number;
  readonly firstSeenAt: string;
}

export interface DeadFacts {
  readonly letterId: string;
  readonly class: string;
  readonly reason: string;
  readonly deadAt?: Date;
  readonly exchange: string;
  readonly routingKey: string;
  readonly run?: string;
  readonly job?: string;
  readonly dataset?: string;
  readonly try?: number;
  readonly attempt?: string;
  /** Without it the run cannot end by itself: a tick, a batch, or a report that ends the try. */
  readonly ends: boolean;
}

interface Death {
  readonly exchange?: unknown;
  readonly 'routing-keys'?: unknown;
  readonly reason?: unknown;
  readonly time?: unknown;
}

/** What a dead message says of itself: by the headers of whoever buried it, or by the broker's own where it gave the message up. */
export function readDeadMessage(message: DeadMessage, queue: string): DeadFacts {
  const { headers, body, type, messageId } = message;
  const death = brokersDeath(headers);
  const deadAt = dateOf(headers['dead-at']) ?? timeOf(death?.time);
  const own = typeof headers['reason'] === 'string' && typeof headers['class'] === 'string';
  const reason = own ? String(headers['reason']) : `the broker gave the message up: ${typeof death?.reason === 'string' ? death.reason : 'unknown'}`;
  const keys = death?.['routing-keys'];
  const id = messageId === '' ? createHash('sha256').update(body).digest('hex') : messageId;
  return {
    letterId: letterIdOfMessage(queue, id, deadAt?.toISOString() ?? ''),
    class: own ? String(headers['class']) : 'broker', reason,
    ...(deadAt ? { deadAt } : {}),
    exchange: own || typeof death?.exchange !== 'string' ? message.exchange : death.exchange,
    routingKey: own || !Array.isArray(keys) || typeof keys[0] !== 'string' ? message.routingKey : keys[0],
    ...aboutOf(type, body, message.correlationId),
  };
}

function brokersDeath(headers: Readonly<Record<string, unknown>>): Death | undefined {
  const deaths = headers['x-death'];
  return Array.isArray(deaths) && typeof deaths[0] === 'object' && deaths[0] !== null ? (deaths[0] as Death) : undefined;
}

const dateOf = (value: unknown): Date | undefined => {
  const date = typeof value === 'string' ? new Date(value) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
};

/** AMQP times are seconds, wrapped by amqplib. */
function timeOf(time: unknown): Date | undefined {
  const value = typeof time === 'object' && time !== null && 'value' in time ? time.value : time;
  return typeof value === 'number' ? new Date(value * 1_000) : undefined;
}

function aboutOf(type: string, body: Buffer, correlationId: string | undefined): Pick<DeadFacts, 'run' | 'job' | 'dataset' | 'try' | 'attempt' | 'ends'> {
  const read = readMessage(type, body);
  if (!read.ok) return { ...(correlationId === undefined ? {} : { run: correlationId }), ends: true };
  if (read.type === 'probe') return { run: read.probe.run, try: read.probe.try, ends: false };
  const head = read.type === 'tick' ? read.tick : read.type === 'batch' ? read.batch : read.report;
  const ends = read.type !== 'report' || (read.report.kind !== 'started' && read.report.kind !== 'heartbeat');
  return { run: head.run, job: head.job, dataset: head.dataset, try: head.try, ...('attempt' in head ? { attempt: head.attempt } : {}), ends };
}
