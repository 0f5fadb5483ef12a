import { deadQueues, queues } from '@gleaner/contracts';
import type { Broker, Consumer, Delivery, Outcome } from '@gleaner/broker';
import { handleMessage } from './handleMessage.ts';
import { parkDead } from './parkDead.ts';
import { pauseWhileAway, type AwayPause } from './pauseWhileAway.ts';
import type { StorageParts } from './storageParts.ts';
import { whileDatabaseAway } from './whileDatabaseAway.ts';

/** Takes what comes by `store`, and parks what lies in the dead-letter queues; waits, and then pauses, while the database is away. `patienceMs` is how long messages are held meanwhile. */
export function consumeQueues({ parts, broker, concurrency, patienceMs = 60_000 }: {
  readonly parts: StorageParts; readonly broker: Broker; readonly concurrency: number; readonly patienceMs?: number;
}): readonly Pick<Consumer, 'stop'>[] {
  const { database, log } = parts;
  const consumers: Consumer[] = [];
  const away: AwayPause = pauseWhileAway({ database, log, consumers });
  const consume = (queue: string, most: number, handle: (delivery: Delivery) => Promise<Outcome>): void => {
    const handler = (delivery: Delivery): Promise<Outcome> => whileDatabaseAway({ database, log, signal: delivery.signal, patienceMs, pause: away.begin, handle: () => handle(delivery) });
    consumers.push(broker.consume({ queue, concurrency: most, handler }));
  };
  consume(queues.store, concurrency, (delivery) => handleMessage({ parts, delivery }));
  for (const [queue, name] of Object.entries(deadQueues)) consume(name, 4, (delivery) => parkDead({ parts, delivery, queue }));
  return [...consumers, { stop: async () => away.stop() }];
}
