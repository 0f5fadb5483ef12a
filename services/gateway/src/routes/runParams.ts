import { findRun, type Database, type RunDocument } from '@gleaner/database';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';

/** `:run` in a path. */
export const runParams = z.strictObject({ run: z.string().min(1).max(200) });

/**
 * The run of a path; throws `not_found`. `committed` reads what a majority has: items are read so, and who sees a run succeeded must find what it stored.
 */
export async function expectRun({ database, id, committed = false }: { readonly database: Database; readonly id: string; readonly committed?: boolean }): Promise<RunDocument> {
  const run = committed ? await database.collections.runs.findOne({ _id: id }, { readConcern: { level: 'majority' } }) : await findRun({ database, run: id });
  if (run === null) throw new ProblemError('not_found', `there is no run ${JSON.stringify(id)}`);
  return run;
}

/** 409 with the state that stood in the way. */
export const stateConflict = (run: RunDocument, wanted: string): ProblemError =>
  new ProblemError('state_conflict', `run ${run._id} is ${run.state}; ${wanted}`, { extra: { state: run.state } });
