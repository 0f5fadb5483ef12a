import type { Database } from '@gleaner/database';
import type { Announcer } from './announcer.ts';
import type { OriginSlots } from './originSlots.ts';

/** How often collectors are told again of tries that were given up and have not reported since, ms, and of how many. */
const againMs = 2_000;
const atOnce = 500;

/**
 * Tells collectors again to stop what was given up: the first word may have been lost, or a collector started since: it would take such a try's tick
 * for one to be done. A last report that no event has told of is found here too, and frees the slot.
 */
export function createCollectorReminder({ database, slots, announcer }: { readonly database: Database; readonly slots: OriginSlots; readonly announcer: Announcer }): { step(now: number): Promise<void> } {
  let remindedAt = 0;
  return {
    async step(now) {
      if (now < remindedAt + againMs) return;
      remindedAt = now;
      const asking = slots.lingering(atOnce);
      if (asking.length === 0) return;
      const rows = await database.collections.runs.find({ _id: { $in: asking.map(({ run }) => run) }, lastReport: { $exists: true } }, { projection: { lastReport: 1 } }).toArray();
      const reported = new Map(rows.map(({ _id, lastReport }) => [_id, lastReport?.try]));
      for (const one of asking) {
        if (reported.get(one.run) === one.try) slots.release(one, now);
        else announcer.abort(one, 'the run has ended, or goes on with another try');
      }
    },
  };
}
