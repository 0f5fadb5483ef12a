import { exchanges, wakeKeys, type RunState, type WakeMessage } from '@gleaner/contracts';
import { updateRun, type RunDocument } from '@gleaner/database';
import type { StorageParts } from './storageParts.ts';

/** Ended, perhaps, while an attempt was under way. Any other end is the attempt's own. */
const cutShort: ReadonlySet<RunState> = new Set(['cancelled', 'expired', 'failed']);

/** Notes that the last report of a run's try came although the run had ended by then (cancelled, say): its attempt asks the origin no more, and the leader need not hold the slot. */
export async function noteLastReport({ database, broker }: Pick<StorageParts, 'database' | 'broker'>, run: Pick<RunDocument, '_id' | 'state' | 'attempts' | 'reportedAt'>, attempts: number): Promise<void> {
  if (!cutShort.has(run.state) || run.attempts !== attempts || run.reportedAt !== undefined) return;
  const noted = await updateRun({ database, run: run._id, where: { attempts, reportedAt: { $exists: false } }, set: { reportedAt: database.clock.now() } });
  if (noted) broker.announce(exchanges.events, wakeKeys.reported, { kind: 'reported', run: run._id } satisfies WakeMessage);
}
