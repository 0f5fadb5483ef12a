import type { RunDocument } from '@gleaner/database';

/**
 * Whether an attempt has begun before the run's present one: what is told of it ends nothing any more. One whose beginning has not been told yet
 * may be the newest, because messages of one attempt may overtake each other.
 */
export const isReplaced = ({ run, attempt }: { readonly run: Pick<RunDocument, 'attempt' | 'startedAttempts'>; readonly attempt: string | undefined }): boolean =>
  attempt !== undefined && run.attempt !== undefined && run.attempt !== attempt && (run.startedAttempts ?? []).includes(attempt);
