import { findRun, isDatabaseAway, type RunDocument } from '@gleaner/database';
import { applyWholeSet } from './handleResult.ts';
import { failRun } from './failRun.ts';
import type { StorageParts } from './storageParts.ts';

const keptForMs = 30 * 86_400_000;

/** Carries out what people have decided about quarantined runs. One that fails is tried again with the next scan, and holds up no other. */
export async function executeDecisions({ parts, signal }: { readonly parts: StorageParts; readonly signal?: AbortSignal }): Promise<number> {
  const { runs } = parts.database.collections;
  const decided = await runs.find({ state: 'quarantined', 'decision.at': { $exists: true } }, { limit: 100 }).toArray();
  for (const run of decided) {
    if (signal?.aborted) break;
    try {
      await executeDecision({ parts, run });
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      parts.log.warn({ err: error, run: run._id }, 'a decision was not carried out yet');
    }
  }
  return decided.length;
}

/** Ends quarantined runs whose time is over: `failed: quarantine_expired`, with a letter. */
export async function expireQuarantine({ parts }: { readonly parts: StorageParts }): Promise<number> {
  const { clock, collections } = parts.database;
  const before = new Date(clock.now().getTime() - keptForMs);
  const old = await collections.runs.find({ state: 'quarantined', endedAt: { $lt: before }, decision: { $exists: false } }, { limit: 100 }).toArray();
  for (const run of old) await failRun({ parts, run, where: { decision: { $exists: false } }, failure: { class: 'quarantine_expired', reason: 'quarantine_expired', message: 'nobody accepted or rejected it within 30 days' } });
  return old.length;
}

async function executeDecision({ parts, run }: { parts: StorageParts; run: RunDocument }): Promise<void> {
  if (run.decision?.accept !== true) {
    await failRun({ parts, run, failure: { class: 'rejected', reason: 'rejected', message: `rejected by ${run.decision?.by ?? 'nobody'}: ${run.error?.message ?? 'its gate'}` } });
    return;
  }
  const { attempt } = run;
  if (attempt !== undefined) await applyWholeSet({ parts, accepted: true, report: { run: run._id, dataset: run.dataset, attempt, try: run.attempts } });
  const left = await findRun({ database: parts.database, run: run._id });
  if (left?.state === 'quarantined' && left.rev === run.rev && left.decision?.accept === true)
    await failRun({ parts, run: left, failure: { class: 'store', message: 'the quarantined snapshot is not kept any more' } });
}
