import { ulid } from 'ulid';
import type { Database } from './connectDatabase.ts';

/** One change that somebody asked for. Written before the change as `asked`, so that none happens without its row. */
export interface AuditDocument {
  readonly _id: string;
  readonly at: Date;
  /** Id and name of the key that asked. */
  readonly by: string;
  readonly name: string;
  /** Such as `job.put`, `run.cancel`, `letters.replay`. */
  readonly action: string;
  /** What it was done to: a job, a run, a letter, a key. */
  readonly target?: string;
  /** `asked` stands only while the change is under way, or where its copy died in the middle. */
  readonly outcome: 'asked' | 'done' | 'refused' | 'failed';
  /** Status of the answer. */
  readonly status?: number;
  readonly request: string;
}

/** Writes the row of a change that is about to be made; its id. */
export async function beginAudit({ database, ...facts }: { readonly database: Database } & Pick<AuditDocument, 'by' | 'name' | 'action' | 'target' | 'request'>): Promise<string> {
  const at = database.clock.now();
  const _id = ulid(at.getTime());
  const { target, ...rest } = facts;
  await database.collections.audit.insertOne({ _id, at, ...rest, ...(target === undefined ? {} : { target }), outcome: 'asked' });
  return _id;
}

/** Writes how it ended. */
export async function endAudit({ database, id, outcome, status }: { readonly database: Database; readonly id: string } & Required<Pick<AuditDocument, 'outcome' | 'status'>>): Promise<void> {
  await database.collections.audit.updateOne({ _id: id }, { $set: { outcome, status } });
}
