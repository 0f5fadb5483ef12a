import type { Fault, Problem } from '@gleaner/contracts';

/** Every code a problem may carry, with its status and title: the stable part that programs may branch on. */
const problemKinds = {
  bad_query: [400, 'The query is not understood'],
  bad_body: [400, 'The body is not understood'],
  bad_path: [400, 'The path is not understood'],
  bad_header: [400, 'A header is not understood'],
  bad_cursor: [400, 'The cursor is not one of ours, or belongs to another list'],
  unauthenticated: [401, 'A valid key is needed'],
  forbidden: [403, 'The key lacks the scope'],
  not_found: [404, 'There is nothing of this name'],
  no_such_path: [404, 'There is nothing at this path'],
  before_first: [404, 'The moment lies before the first snapshot'],
  method_not_allowed: [405, 'The method is not allowed here'],
  request_timeout: [408, 'The request did not come in time'],
  not_acceptable: [406, 'No such representation'],
  version_conflict: [412, 'The job has changed meanwhile'],
  state_conflict: [409, 'The state does not allow this'],
  job_deleted: [409, 'The job is deleted'],
  command_under_way: [409, 'The same command is under way'],
  history_changed: [409, 'The history behind the cursor was rewritten'],
  idempotency_conflict: [422, 'The idempotency key was used for another request'],
  swept: [410, 'The moment has been swept by retention'],
  too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'The kind of body is not understood'],
  headers_too_large: [431, 'The address or the headers are too large'],
  bad_job: [422, 'The job has faults'],
  bad_request: [422, 'The request has faults'],
  internal: [500, 'Something went wrong here'],
  database_unavailable: [503, 'The database does not answer'],
  broker_unavailable: [503, 'The broker does not answer'],
  collector_unavailable: [503, 'No collector answered in time'],
} as const satisfies Record<string, readonly [number, string]>;
export type ProblemCode = keyof typeof problemKinds;

/** Thrown anywhere below a route, shown as RFC 9457: what is said here reaches the client, so it holds no secret and no stack. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly faults: readonly Fault[] | undefined;
  /** Further members of the problem, such as the state that stood in the way. */
  readonly extra: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, detail: string, { faults, extra = {}, headers = {}, cause }: {
    faults?: readonly Fault[]; extra?: Readonly<Record<string, unknown>>; headers?: Readonly<Record<string, string>>; cause?: unknown;
  } = {}) {
    super(detail, cause === undefined ? undefined : { cause });
    this.name = 'ProblemError';
    this.code = code;
    this.faults = faults;
    this.extra = extra;
    this.headers = headers;
  }
}

/** The body of a problem. */
export function problemOf(code: ProblemCode, detail: string | undefined, { faults, extra = {} }: { faults?: readonly Fault[] | undefined; extra?: Readonly<Record<string, unknown>> } = {}): Problem {
  const [status, title] = problemKinds[code];
  return { ...extra, type: `urn:gleaner:problem:${code}`, title, status, code, ...(detail ? { detail } : {}), ...(faults && faults.length > 0 ? { faults } : {}) };
}
