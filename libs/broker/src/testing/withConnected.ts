import type { Topology } from '@gleaner/contracts';
import { connectBroker } from '../connectBroker.ts';
import type { ConnectOptions } from '../connectBroker.ts';
import type { Broker } from '../brokerTypes.ts';
import type { BrokerLog } from '../brokerLog.ts';

/** What was logged, for tests that say which levels a fault may reach. */
export interface CapturedLog extends BrokerLog {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[];
}

export function captureLog(): CapturedLog {
  const lines: CapturedLog['lines'] = [];
  const at = (level: string) => (fields: object, message: string): void => void lines.push({ level, message, fields });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Connects, runs `fn` and closes, whatever happens; a connection that a test leaves behind is closed too. */
export async function withConnected<T>(options: Omit<ConnectOptions, 'name' | 'log'>, fn: (broker: Broker, log: CapturedLog) => Promise<T>): Promise<T> {
  const log = captureLog();
  const broker = await connectBroker({ name: 'test', log, ...options });
  try {
    return await fn(broker, log);
  } finally {
    await broker.close({ deadlineMs: 3_000 });
  }
}

/** A small topology of every kind: `work` with a quick ladder and a dead-letter queue, `plain` without a ladder, `ask` for requests. */
export const testTopology: Topology = {
  exchanges: [
    { name: 'work', kind: 'direct' },
    { name: 'retry', kind: 'direct' },
    { name: 'dead', kind: 'direct' },
    { name: 'news', kind: 'topic' },
  ],
  queues: [
    { name: 'work.dead', kind: 'classic', binding: { exchange: 'dead', routingKey: 'work' } },
    { name: 'plain.dead', kind: 'classic', binding: { exchange: 'dead', routingKey: 'plain' } },
    ...[200, 400, 800].map((ttlMs) => ({
      name: `work.retry.${ttlMs}ms`,
      kind: 'quorum' as const,
      ttlMs,
      deadLetter: { exchange: 'work', routingKey: 'work' },
      binding: { exchange: 'retry', routingKey: `work.retry.${ttlMs}ms` },
    })),
    { name: 'work', kind: 'quorum', deliveryLimit: 10, deadLetter: { exchange: 'dead', routingKey: 'work' }, binding: { exchange: 'work', routingKey: 'work' } },
    { name: 'plain', kind: 'quorum', deliveryLimit: 3, deadLetter: { exchange: 'dead', routingKey: 'plain' }, binding: { exchange: 'work', routingKey: 'plain' } },
    { name: 'ask', kind: 'classic', ttlMs: 5_000, binding: { exchange: 'work', routingKey: 'ask' } },
  ],
  ladders: [{ queue: 'work', rungs: [200, 400, 800].map((delayMs) => ({ queue: `work.retry.${delayMs}ms`, delayMs })) }],
  deadQueues: { work: 'work.dead', plain: 'plain.dead' },
};
