import { readMessage } from '@gleaner/contracts';
import { dead, type Delivery, type Outcome } from '@gleaner/broker';
import { handleFailed } from './handleFailed.ts';
import { handleProbe } from './handleProbe.ts';
import { handleBatch, handleComplete, handleUnchanged } from './handleResult.ts';
import { handleHeartbeat, handleStarted } from './handleSign.ts';
import type { StorageParts } from './storageParts.ts';

/** Everything that comes by the `store` queue, by what it is. A throw means: again later. */
export async function handleMessage({ parts, delivery }: { readonly parts: StorageParts; readonly delivery: Pick<Delivery, 'type' | 'body'> }): Promise<Outcome> {
  const message = readMessage(delivery.type, delivery.body);
  if (!message.ok) return dead(message.reason, { class: message.class });
  switch (message.type) {
    case 'batch': return await handleBatch({ parts, batch: message.batch, body: delivery.body });
    case 'probe': return await handleProbe({ parts, probe: message.probe });
    case 'tick': return dead('expected a batch, a report or a probe; saw a tick', { class: 'unreadable' });
    case 'report': break;
  }
  const { report } = message;
  switch (report.kind) {
    case 'started': return await handleStarted({ parts, report });
    case 'heartbeat': return await handleHeartbeat({ parts, report });
    case 'failed': return await handleFailed({ parts, report });
    case 'unchanged': return await handleUnchanged({ parts, report });
    case 'complete':
    case 'changes': return await handleComplete({ parts, report });
  }
}
