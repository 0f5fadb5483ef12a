import { letterIdOfTry, type RunReason } from '@gleaner/contracts';
import { findRun, insertLetter, moveRun, type Database } from '@gleaner/database';

/**
 * Ends a run that waits for its next try as failed, with the letter that every failed run has, in one transaction.
 * False where it is not waiting (for this try) any more.
 */
export async function failWithLetter({ database, run, attempts, reason }: { readonly database: Database; readonly run: string; readonly attempts: number; readonly reason: RunReason }): Promise<boolean> {
  const now = database.clock.now();
  return await database.transaction(async (session) => {
    const standing = await findRun({ database, session, run });
    if (standing === null || standing.state !== 'retrying' || standing.attempts !== attempts) return false;
    const id = letterIdOfTry(run, attempts);
    const moved = await moveRun({ database, session, run, to: 'failed', where: { state: 'retrying', attempts }, set: { reason, letter: id }, at: now });
    if (moved === null) return false;
    const { job, dataset, error, startedAt, insertedAt } = standing;
    await insertLetter({
      database, session,
      letter: {
        _id: id, queue: 'collect', job, dataset, run, try: attempts, class: error?.class ?? 'lost', reason: error?.message ?? reason, attempts,
        firstAt: startedAt ?? insertedAt, deadAt: now, replays: 0, state: 'parked', headers: {}, ...(error === undefined ? {} : { payload: JSON.stringify(error) }),
      },
    });
    return true;
  });
}
