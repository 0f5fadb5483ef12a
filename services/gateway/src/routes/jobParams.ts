import { jobId } from '@gleaner/contracts';
import { findDataset, findJob, type Database, type JobDocument } from '@gleaner/database';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';

/** `:job` in a path. */
export const jobParams = z.strictObject({ job: jobId });

/** The job of a path; throws `not_found`. */
export async function expectJob({ database, id }: { readonly database: Database; readonly id: string }): Promise<JobDocument> {
  const job = await findJob({ database, id });
  if (job === null) throw new ProblemError('not_found', `there is no job ${JSON.stringify(id)}`);
  return job;
}

/** A job as reading its data needs it, which may be far less than its definition. */
export interface Dataset {
  readonly job: string;
  readonly dataset: string;
}

/** The dataset of the job of a path; throws `not_found`. */
export async function expectDataset({ database, id }: { readonly database: Database; readonly id: string }): Promise<Dataset> {
  const dataset = await findDataset({ database, id });
  if (dataset === undefined) throw new ProblemError('not_found', `there is no job ${JSON.stringify(id)}`);
  return { job: id, dataset };
}
