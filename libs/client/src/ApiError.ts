import type { Problem } from '@gleaner/contracts';

/** The gateway said no: `problem.code` is stable, `problem.faults` says what is wrong where. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail ?? problem.title}`);
    this.name = 'ApiError';
    this.status = problem.status;
    this.problem = problem;
  }
}

/** The gateway could not be asked: no connection, no answer in time, or an answer that is not its own. */
export class UnreachableError extends Error {
  readonly url: string;

  constructor(url: string, why: string, cause?: unknown) {
    super(`no answer from ${url}: ${why}`, cause === undefined ? undefined : { cause });
    this.name = 'UnreachableError';
    this.url = url;
  }
}
