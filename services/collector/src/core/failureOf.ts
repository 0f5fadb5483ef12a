import { AttemptFailure } from './AttemptFailure.ts';
import { classifyNetworkError } from './classifyNetworkError.ts';

/** The failure that an error stands for: itself, one in its chain of causes, or what its code says; `aborted` is why the attempt was given up, where it was. */
export function failureOf(error: unknown, aborted: unknown): AttemptFailure {
  if (aborted instanceof AttemptFailure) return aborted;
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) if (at instanceof AttemptFailure) return at;
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return new AttemptFailure(classifyNetworkError(code), `${message}${code !== undefined && !message.includes(code) ? ` (${code})` : ''}`, { cause: error });
}

/** The innermost code: libraries wrap the error that says what happened. */
function codeOf(error: unknown): string | undefined {
  let code: string | undefined;
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string' && at.code !== 'ERR_GOT_REQUEST_ERROR') code = at.code;
  }
  return code;
}
