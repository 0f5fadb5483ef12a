import { letterIdOfTry, type Evidence } from '@gleaner/contracts';
import { insertLetter, moveRun, type LetterDocument, type RunDocument } from '@gleaner/database';
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
    const last = await database.collections.deadLetters.find({ run: run._id, state: 'replayed' }, { sort: { deadAt: -1 }, limit: 1, session }).next();
    const letter: LetterDocument = {
      _id: id, queue: 'collect', job: run.job, dataset: run.dataset, run: run._id, try: run.attempts, class: failure.class, reason: failure.message,
      attempts: run.attempts, firstAt: run.startedAt ?? run.queuedAt ?? now, deadAt: now, replays: last?.replays ?? 0, state: 'parked', headers: {},
      payload: JSON.stringify({ run: run._id, job: run.job, jobVersion: run.jobVersion, try: run.attempts, inputs: run.inputs, error }),
      ...(evidence ? { evidence } : {}), ...(last ? { replayOf: last._id } : {}),
    };
    await insertLetter({ database, letter, session });
    await onStep?.('before the failure commits');
    return moved;
  });
  if (failed) announceRun(parts, failed);
  return failed;
}
