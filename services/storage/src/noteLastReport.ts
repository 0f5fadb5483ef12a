import { exchanges, wakeKeys, type RunState, type WakeMessage } from '@gleaner/contracts';
import { updateRun, type RunDocument } from '@gleaner/database';
import type { StorageParts } from './storageParts.ts';

/** Ended, perhaps, while an attempt was under way. Any other end is the attempt's own. */
const cutShort: ReadonlySet<RunState> = new Set(['cancelled', 'expired', 'failed']);

/** Notes that the last report of a try came although it had been given up as lost, or its run had ended (cancelled, say): its attempt asks the origin no more, and the leader need not hold the slot. */
export async function noteLastReport({ database, broker }: Pick<StorageParts, 'database' | 'broker'>, run: Pick<RunDocument, '_id' | 'state' | 'attempts' | 'lastReport' | 'slotTry'>, reported: number): Promise<void> {
  const where = run.slotTry === reported ? { slotTry: reported } : cutShort.has(run.state) && run.attempts === reported ? { attempts: reported } : undefined;
  if (where === undefined || run.lastReport?.try === reported) return;
  const noted = await updateRun({ database, run: run._id, where, set: { lastReport: { try: reported, at: database.clock.now() } } });
  if (noted) broker.announce(exchanges.events, wakeKeys.reported, { kind: 'reported', run: run._id, try: reported } satisfies WakeMessage);
}
