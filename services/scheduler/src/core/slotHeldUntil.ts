import type { RunDocument } from '@gleaner/database';

/**
 * Until when an ended run may still be asking its origin although no report says so, ms; undefined where its last report has come
 * (or it never went out). A run that was cancelled, lost or expired under way counts as asking for as long as an attempt may last;
 * one that had begun and failed because its time was over does so only where its next try lay in the queue.
 */
export function slotHeldUntil(run: Pick<RunDocument, 'state' | 'reason' | 'queuedAt' | 'startedAt'> & { readonly reportedAt?: Date }, maxDuration: number): number | undefined {
  if (run.queuedAt === undefined || run.reportedAt !== undefined) return undefined;
  const began = run.startedAt !== undefined && run.startedAt > run.queuedAt ? run.startedAt : run.queuedAt;
  const silent = run.state === 'cancelled' || run.state === 'expired' || (run.state === 'failed' && (run.reason === 'lost' || (run.reason === 'expired' && began === run.queuedAt)));
  if (!silent) return undefined;
  return began.getTime() + maxDuration;
}
