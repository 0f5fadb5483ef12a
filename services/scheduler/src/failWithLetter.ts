import { letterIdOfTry, type RunReason } from '@gleaner/contracts';
import { findRun, insertRunLetter, moveRun, type Database } from '@gleaner/database';

/**
 * Ends a run that waits for its next try, or in the queue with it, as failed, with the letter that every failed run has, in one transaction.
 * False where it is not in that state (with this try) any more.
 */
export async function failWithLetter({ database, run, state, attempts, reason }: {
  readonly database: Database; readonly run: string; readonly state: 'retrying' | 'queued'; readonly attempts: number; readonly reason: RunReason;
}): Promise<boolean> {
  const now = database.clock.now();
  return await database.transaction(async (session) => {
    const standing = await findRun({ database, session, run });
    if (standing === null || standing.state !== state || standing.attempts !== attempts) return false;
    const id = letterIdOfTry(run, attempts);
    const moved = await moveRun({ database, session, run, to: 'failed', where: { state, attempts }, set: { reason, letter: id }, at: now });
    if (moved === null) return false;
    await insertRunLetter({ database, session, run: standing, error: standing.error ?? { class: reason, message: reason }, at: now });
    return true;
  });
}
