import type { SnapshotCounts } from '@gleaner/database';
import { batchId, Binary, moveRun } from '@gleaner/database';
import { announceRun } from './announceRun.ts';
import type { Result } from './applySnapshot.ts';
import type { GateFault } from './core/judgeGate.ts';
import type { StorageParts } from './storageParts.ts';

/**
 * Puts a snapshot that failed its gate aside: its messages are kept and the run waits for a person, in one transaction.
 * False where the run moved meanwhile.
 */
export async function quarantineRun({ parts, result, attempt, fault, counts }: {
  readonly parts: StorageParts; readonly result: Result; readonly attempt: string; readonly fault: GateFault; readonly counts: SnapshotCounts;
}): Promise<boolean> {
  const { database, history } = parts;
  const { run, saw, observedAt, requests, request } = result;
  if (saw.kind !== 'content') return false;
  const now = database.clock.now();
  const moved = await database.transaction(async (session) => {
    const ended = await moveRun({
      database, session, run: run._id, to: 'quarantined', where: { rev: run.rev },
      set: { counts, requests, observedAt, attempt, error: { class: 'gate', message: fault.message } }, unset: ['decision', 'reason'],
    });
    if (ended === null) return null;
    // A set of several messages is kept already; one that came whole is kept now, as its complete report.
    const body = {
      v: 1, kind: 'complete', run: run._id, job: run.job, dataset: result.dataset, jobVersion: run.jobVersion, try: run.attempts, queuedAt: observedAt.toISOString(), attempt,
      observedAt: observedAt.toISOString(), batches: 0, counts: { received: saw.received, kept: saw.content.size, duplicates: saw.duplicates }, requests, request,
      extractionHash: saw.extractionHash, requestHash: saw.requestHash, ...(saw.validators ? { validators: saw.validators } : {}), ...(saw.warnings ? { warnings: saw.warnings } : {}),
    };
    const standing = await history.batches.findOne({ _id: batchId(attempt, -1) }, { projection: { _id: 1 }, session });
    if (standing === null)
      await history.batches.insertOne({
        _id: batchId(attempt, -1), run: run._id, attempt, seq: -1, receivedAt: now, observedAt, batches: 0,
        body: new Binary(Buffer.from(JSON.stringify({ ...body, items: [...saw.content].map(([k, { hash, data }]) => ({ k, h: hash, d: data })) }))),
      }, { session });
    return ended;
  });
  if (moved) announceRun(parts, moved);
  return moved !== null;
}
