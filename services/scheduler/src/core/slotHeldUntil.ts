import type { RunDocument } from '@gleaner/database';

/**
 * Until when the present try of a run may still be asking its origin although no report says so, ms; undefined where its last report has come
 * (or it never went out). A try that was cut short by its run's end, or given up as lost, counts as asking for as long as an attempt may last;
 * one of a run that failed because its time was over does so only where it lay in the queue.
 */
export function slotHeldUntil(run: Pick<RunDocument, 'state' | 'reason' | 'attempts' | 'queuedAt' | 'startedAt' | 'error' | 'lastReport'>, maxDuration: number): number | undefined {
  if (run.queuedAt === undefined || run.lastReport?.try === run.attempts) return undefined;
  const began = run.startedAt !== undefined && run.startedAt > run.queuedAt ? run.startedAt : run.queuedAt;
  const failed = run.error?.class === 'lost' || (run.reason === 'expired' && began === run.queuedAt);
  const silent = run.state === 'cancelled' || run.state === 'expired' || (run.state === 'failed' && failed) || (run.state === 'retrying' && run.error?.class === 'lost');
  return silent ? began.getTime() + maxDuration : undefined;
}
