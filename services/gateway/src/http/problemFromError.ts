import { observedAtOf, type Problem } from '@gleaner/contracts';
import { DatabaseError, HistoryError, isDatabaseAway } from '@gleaner/database';
import { ProblemError, problemOf, type ProblemCode } from '../core/problem.ts';

/** What a client is told of an error, and whether a person should see it in the log. */
export interface ToldProblem {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  /** True where nothing here foresaw the error. */
  readonly unforeseen: boolean;
}

const retryAfterSeconds = '2';

const databaseCodes: Readonly<Record<string, ProblemCode>> = {
  unreachable: 'database_unavailable', version_conflict: 'version_conflict', job_deleted: 'job_deleted', not_found: 'not_found', state_conflict: 'state_conflict',
};

const historyCodes = { before_first: 'before_first', swept: 'swept', history_changed: 'history_changed', no_snapshot: 'not_found', no_dataset: 'not_found' } as const satisfies Record<string, ProblemCode>;

/** Of what history knows of its refusal, the moments from which on there is something; positions, revisions and ids of datasets are its own affair. */
const momentsIn = (details: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(['first', 'horizon'].flatMap((name) => (typeof details[name] === 'string' ? [[name, observedAtOf(details[name]).toISOString()]] : [])));

/** Every error as a problem: what was foreseen by its code, a database that is away as 503, the rest as 500 that says nothing of its inside. */
export function problemFromError(error: unknown): ToldProblem {
  if (error instanceof ProblemError) {
    const away = error.code.endsWith('_unavailable') ? { 'retry-after': retryAfterSeconds } : {};
    return { problem: problemOf(error.code, error.message, { faults: error.faults, extra: error.extra }), headers: { ...away, ...error.headers }, unforeseen: false };
  }
  if (error instanceof HistoryError) return { problem: problemOf(historyCodes[error.code], error.message, { extra: momentsIn(error.details) }), headers: {}, unforeseen: false };
  if (isDatabaseAway(error)) return { problem: problemOf('database_unavailable', 'MongoDB does not answer; nothing was changed that you were not told of'), headers: { 'retry-after': retryAfterSeconds }, unforeseen: false };
  if (error instanceof DatabaseError) {
    const code = databaseCodes[error.code];
    if (code !== undefined) return { problem: problemOf(code, error.message, { extra: error.details }), headers: {}, unforeseen: false };
  }
  return { problem: problemOf('internal', 'the log of the gateway has the cause, under this request'), headers: {}, unforeseen: true };
}
