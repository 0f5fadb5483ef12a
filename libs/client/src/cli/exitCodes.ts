import { ApiError, UnreachableError } from '../ApiError.ts';

/** What a script learns from the exit code. */
export const exitCodes = {
  ok: 0,
  /** Something that nothing here foresaw. */
  unexpected: 1,
  /** The command itself is wrong: arguments, a file that cannot be read. */
  usage: 2,
  /** No such job, run, letter or moment. */
  notFound: 3,
  /** A job or a query has faults; they were printed with their paths. */
  faults: 4,
  /** The state does not allow it, or somebody else was quicker. */
  conflict: 5,
  /** No key, a wrong one, or one without the scope. */
  denied: 6,
  /** The gateway does not answer, or what it needs is away: the same again later may do. */
  unavailable: 7,
  /** The run that was waited for did not succeed, or did not end in time. */
  runFailed: 8,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Thrown for arguments that the command cannot use. */
export class UsageError extends Error {
  readonly code = 'usage';
}

/** Thrown by commands that have said what there is to say. */
export class SilentExit extends Error {
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof SilentExit) return error.exitCode;
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof UnreachableError) return exitCodes.unavailable;
  if (!(error instanceof ApiError)) return exitCodes.unexpected;
  switch (error.status) {
    case 400: case 406: case 413: case 415: case 422: return exitCodes.faults;
    case 401: case 403: return exitCodes.denied;
    case 404: case 410: return exitCodes.notFound;
    case 409: case 412: return exitCodes.conflict;
    case 503: return exitCodes.unavailable;
    default: return exitCodes.unexpected;
  }
}
