import { triggersOf, type Fault, type JobDefinition, type RunInputs } from '@gleaner/contracts';
import { findDataset, readForEach, readLikelyTrigger, type Database } from '@gleaner/database';

export type TryInputs = { readonly ok: true; readonly inputs: RunInputs } | { readonly ok: false; readonly fault: Fault };

/**
 * What a run of this job would take from other jobs now, as the leader reads it: the values of `forEach`, and of the job that it runs `after` what its newest
 * snapshot brought (or its first items where that is nothing). A `forEach` without a snapshot to read is a fault; without a trigger its templates say themselves that they have no value.
 */
export async function readTryInputs({ database, definition }: { readonly database: Database; readonly definition: JobDefinition }): Promise<TryInputs> {
  const { source, schedule } = definition;
  const forEach = 'http' in source && source.http.forEach && 'job' in source.http.forEach ? source.http.forEach : undefined;
  const values = forEach && (await readForEach({ database, ...forEach })).input;
  if (forEach && values && !values.ok) {
    const message = values.reason === 'no input' ? `expected a snapshot of ${forEach.job} to take ${forEach.field} from; there is none` : `expected at most 1,000 values of ${forEach.field} and 256 KiB; ${forEach.job} has more`;
    return { ok: false, fault: { path: 'source.http.forEach', code: values.reason.replace(' ', '_'), message } };
  }
  const parent = triggersOf(schedule).find((trigger) => 'after' in trigger)?.after.job;
  const trigger = parent === undefined ? undefined : await newestOf(database, parent);
  return { ok: true, inputs: { ...(values?.ok === true ? { forEach: values.values } : {}), ...(trigger ? { trigger } : {}) } };
}

async function newestOf(database: Database, job: string): Promise<RunInputs['trigger']> {
  const dataset = await findDataset({ database, id: job });
  return dataset === undefined ? undefined : await readLikelyTrigger({ database, dataset });
}
