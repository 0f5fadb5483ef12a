export type DatabaseErrorCode =
  | 'unreachable' | 'no_replica_set' | 'schema_too_old' | 'schema_too_new'
  | 'version_conflict' | 'job_deleted' | 'not_found' | 'state_conflict';

/** What went wrong in libs/database, as data: `code` is stable, `details` says what was expected and seen. */
export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: DatabaseErrorCode, message: string, { details = {}, cause }: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DatabaseError';
    this.code = code;
    this.details = details;
  }
}
