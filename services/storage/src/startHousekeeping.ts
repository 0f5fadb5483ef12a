import { isDatabaseAway, orphanedTransactions } from '@gleaner/database';
import { everyCron } from '@gleaner/runtime';
import { endOrphans } from './endOrphans.ts';
import { expireQuarantine } from './executeDecisions.ts';
import type { StorageParts } from './storageParts.ts';
import { sweepBatches } from './sweep/sweepBatches.ts';
import { sweepDeleted } from './sweep/sweepDeleted.ts';
import { sweepGenerations } from './sweep/sweepGenerations.ts';
import { sweepRetention } from './sweep/sweepRetention.ts';

export interface Housekeeping {
  stop(): Promise<void>;
}

/** What is done now and then, by every copy: each step is idempotent, and two at once do no harm. */
export function startHousekeeping({ parts }: { readonly parts: StorageParts }): Housekeeping {
  const { log, database } = parts;
  // A database that is away comes back by itself, and the next turn finds it.
  const kept = { log, heals: isDatabaseAway };
  const timers = [
    everyCron({ name: 'orphaned transactions', expression: '* * * * * *', ...kept, run: endOrphans({ transactions: orphanedTransactions({ database }), log }) }),
    everyCron({ name: 'clock', expression: '*/10 * * * * *', ...kept, run: () => database.clock.sync() }),
    everyCron({ name: 'batches', expression: '*/1 * * * *', ...kept, run: async () => { await sweepBatches({ parts }); } }),
    everyCron({ name: 'generations', expression: '*/1 * * * *', ...kept, run: async () => { await sweepGenerations({ parts }); } }),
    everyCron({ name: 'retention', expression: '*/10 * * * *', ...kept, run: async () => { await sweepRetention({ parts }); } }),
    everyCron({ name: 'deleted datasets', expression: '*/5 * * * *', ...kept, run: async () => { await sweepDeleted({ parts }); } }),
    everyCron({ name: 'quarantine', expression: '7 * * * *', ...kept, run: async () => { await expireQuarantine({ parts }); } }),
  ];
  return { stop: async () => { await Promise.all(timers.map((timer) => timer.stop())); } };
}
