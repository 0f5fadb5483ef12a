import { isRetryable } from '@gleaner/contracts';
import type { RunDocument } from '@gleaner/database';
import { isReplaced } from './isReplaced.ts';
import { nextAttemptAt } from './nextAttemptAt.ts';

export type FailureDecision =
  | { readonly kind: 'ignore'; readonly reason: string }
  | { readonly kind: 'retry'; readonly nextAttemptAt: Date }
  | { readonly kind: 'fail' };

/**
 * What a failed try does to its run. It counts only for the run's present try, and only from the attempt that began last
 * (or one whose beginning has not been told yet: reports of one attempt may overtake each other).
 */
export function decideFailure({ run, failure, random, now }: {
  readonly run: Pick<RunDocument, 'state' | 'attempts' | 'attempt' | 'maxAttempts' | 'expiresAt' | 'startedAttempts'>;
  readonly failure: { readonly try: number; readonly attempt?: string; readonly class: string; readonly retryAfterMs?: number | undefined };
  readonly random: number;
  readonly now: Date;
}): FailureDecision {
  if (run.state !== 'queued' && run.state !== 'running') return { kind: 'ignore', reason: `the run is ${run.state}` };
  if (failure.try !== run.attempts) return { kind: 'ignore', reason: `it is of try ${failure.try}, the run is at ${run.attempts}` };
  if (isReplaced({ run, attempt: failure.attempt })) return { kind: 'ignore', reason: 'another attempt of the same try has begun since' };
  if (!isRetryable(failure.class) || failure.try >= run.maxAttempts) return { kind: 'fail' };
  const next = nextAttemptAt({ failedTry: failure.try, retryAfterMs: failure.retryAfterMs, random, now });
  // A run that has begun does not expire, but no further try starts after it would have.
  return run.expiresAt !== undefined && next >= run.expiresAt ? { kind: 'fail' } : { kind: 'retry', nextAttemptAt: next };
}
