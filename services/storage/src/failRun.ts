import { letterIdOfTry, type Evidence } from '@gleaner/contracts';
import { insertRunLetter, moveRun, type RunDocument } from '@gleaner/database';
import { announceRun } from './announceRun.ts';
import { errorOf } from './core/errorOf.ts';
import type { StorageParts } from './storageParts.ts';

/** Why a run ends as failed. */
export interface Failure {
  readonly class: string;
  readonly message: string;
  readonly status?: number | undefined;
  readonly requests?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly origin?: string | undefined;
  readonly evidence?: Evidence | undefined;
  /** A code of the run's own, e.g. `rejected`. */
  readonly reason?: string;
}

/** Ends a run as failed and writes its letter, both or neither; null where the run has moved on meanwhile. */
export async function failRun({ parts, run, failure, where = {} }: { readonly parts: StorageParts; readonly run: RunDocument; readonly failure: Failure; readonly where?: Readonly<Record<string, unknown>> }): Promise<RunDocument | null> {
  const { database, onStep } = parts;
  const now = database.clock.now();
  const { evidence, requests, reason } = failure;
  const error = errorOf(failure, now);
  const id = letterIdOfTry(run._id, run.attempts);
  const failed = await database.transaction(async (session) => {
    const moved = await moveRun({
      database, session, run: run._id, to: 'failed', where: { rev: run.rev, ...where },
      set: { error, letter: id, ...(requests === undefined ? {} : { requests }), ...(reason === undefined ? {} : { reason }) },
    });
    if (moved === null) return null;
    await insertRunLetter({ database, session, run, error, evidence, at: now });
    await onStep?.('before the failure commits');
    return moved;
  });
  if (failed) announceRun(parts, failed);
  return failed;
}
