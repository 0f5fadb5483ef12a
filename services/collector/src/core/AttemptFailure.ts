import type { FailureClass } from '@gleaner/contracts';

/** Ends an attempt: its class decides what is done about it, its message says what was expected and what was seen. */
export class AttemptFailure extends Error {
  readonly class: FailureClass;
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** Whose answer it was: not the url's own origin behind a redirect, a next link or for a token. */
  readonly origin?: string;
  constructor(failure: FailureClass, message: string, more: { readonly status?: number; readonly retryAfterMs?: number; readonly origin?: string; readonly cause?: unknown } = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = 'AttemptFailure';
    this.class = failure;
    if (more.status !== undefined) this.status = more.status;
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs;
    if (more.origin !== undefined) this.origin = more.origin;
  }
}

/** An answer whose body is not what the job says it is. */
export const badBody = (message: string, cause?: unknown): AttemptFailure => new AttemptFailure('bad_body', message, { cause });
