import { isEnded, queues } from '@gleaner/contracts';
import type { StorageParts } from '../storageParts.ts';

const atOnce = 200;

/**
 * Takes away the batches of runs that have ended: a set ends with its run, but a quarantined one waits for its decision,
 * and one that a parked letter of `store` belongs to waits for the letter. How many documents went.
 */
export async function sweepBatches({ parts: { database, history } }: { readonly parts: StorageParts }): Promise<number> {
  const { runs, deadLetters } = database.collections;
  let removed = 0;
  let after = '';
  for (;;) {
    const groups = await history.batches.aggregate<{ _id: string }>([{ $match: { run: { $gt: after } } }, { $group: { _id: '$run' } }, { $sort: { _id: 1 } }, { $limit: atOnce }]).toArray();
    const ids = groups.map(({ _id }) => _id);
    if (ids.length === 0) return removed;
    const known = new Map((await runs.find({ _id: { $in: ids } }, { projection: { state: 1 } }).toArray()).map(({ _id, state }) => [_id, state]));
    const waiting = new Set(await deadLetters.distinct('run', { run: { $in: ids }, queue: queues.store, state: 'parked' }));
    const over = ids.filter((id) => {
      const state = known.get(id);
      return state === undefined || (isEnded(state) && state !== 'quarantined' && !(state === 'failed' && waiting.has(id)));
    });
    if (over.length > 0) removed += (await history.batches.deleteMany({ run: { $in: over } })).deletedCount;
    after = ids.at(-1) ?? after;
  }
}
