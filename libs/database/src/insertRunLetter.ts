import type { ClientSession } from 'mongodb';
import { letterIdOfTry, queues, type Evidence } from '@gleaner/contracts';
import type { Database } from './connectDatabase.ts';
import { insertLetter } from './letters.ts';
import type { RunDocument } from './runs.ts';

/**
 * Writes the letter of a run that fails, in the transaction that ends it. `run` is the run as it was before, `error` why its last try failed.
 * Where an earlier letter of the run was replayed, it goes on counting from there. Throws what the database does: the transaction is void then.
 */
export async function insertRunLetter({ database, session, run, error, evidence, at }: {
  readonly database: Database; readonly session: ClientSession; readonly run: RunDocument; readonly error: NonNullable<RunDocument['error']>; readonly evidence?: Evidence | undefined; readonly at: Date;
}): Promise<void> {
  const last = await database.collections.deadLetters.find({ run: run._id, state: 'replayed' }, { sort: { deadAt: -1 }, limit: 1, session }).next();
  await insertLetter({
    database, session,
    letter: {
      _id: letterIdOfTry(run._id, run.attempts), queue: queues.collect, job: run.job, dataset: run.dataset, run: run._id, try: run.attempts, class: error.class, reason: error.message,
      attempts: run.attempts, firstAt: run.startedAt ?? run.queuedAt ?? at, deadAt: at, replays: last?.replays ?? 0, state: 'parked', headers: {},
      payload: JSON.stringify({ run: run._id, job: run.job, jobVersion: run.jobVersion, try: run.attempts, inputs: run.inputs, error }),
      ...(evidence ? { evidence } : {}), ...(last ? { replayOf: last._id } : {}),
    },
  });
}
