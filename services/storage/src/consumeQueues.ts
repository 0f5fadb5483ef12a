import { deadQueues, queues } from '@gleaner/contracts';
import type { Broker, Consumer } from '@gleaner/broker';
import { handleMessage } from './handleMessage.ts';
import { parkDead } from './parkDead.ts';
import type { StorageParts } from './storageParts.ts';
import { whileDatabaseAway } from './whileDatabaseAway.ts';

/** Takes what comes by `store`, and parks what lies in the dead-letter queues. */
export function consumeQueues({ parts, broker, concurrency }: { readonly parts: StorageParts; readonly broker: Broker; readonly concurrency: number }): readonly Consumer[] {
  const { database, log } = parts;
  const store = broker.consume({
    queue: queues.store, concurrency,
    handler: (delivery) => whileDatabaseAway({ database, log, signal: delivery.signal, handle: () => handleMessage({ parts, delivery }) }),
  });
  const dead = Object.entries(deadQueues).map(([queue, name]) => broker.consume({
    queue: name, concurrency: 4,
    handler: (delivery) => whileDatabaseAway({ database, log, signal: delivery.signal, handle: () => parkDead({ parts, delivery, queue }) }),
  }));
  return [store, ...dead];
}
