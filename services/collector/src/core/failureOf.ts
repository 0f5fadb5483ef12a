import { AttemptFailure, badBody } from './AttemptFailure.ts';
import { classifyNetworkError } from './classifyNetworkError.ts';

/** The failure that an error stands for: itself, one in its chain of causes, or what its code says; `aborted` is why the attempt was given up, where it was. */
export function failureOf(error: unknown, aborted: unknown): AttemptFailure {
  if (aborted instanceof AttemptFailure) return aborted;
  const chain = causesOf(error);
  const failure = chain.find((part) => part instanceof AttemptFailure);
  if (failure instanceof AttemptFailure) return failure;
  // The innermost code: libraries wrap the error that says what happened.
  const code = chain.map((part) => part['code']).findLast((part) => typeof part === 'string' && part !== 'ERR_GOT_REQUEST_ERROR') as string | undefined;
  const range = chain.find((part) => part['name'] === 'RangeError');
  // The platform's word for a stack or a text that an answer was too deep or too long for; it will be so the next time.
  if (range && code === undefined) return badBody(`expected an answer that is neither nested nor long without end; ${String(range['message'])}`, error);
  const message = String(chain[0]?.['message'] ?? error);
  return new AttemptFailure(classifyNetworkError(code), `${message}${code !== undefined && !message.includes(code) ? ` (${code})` : ''}`, { cause: error });
}

/** An error and its causes, outermost first. By their shape, not their class: errors of the platform may come from another realm. */
function causesOf(error: unknown): Readonly<Record<string, unknown>>[] {
  const chain: Readonly<Record<string, unknown>>[] = [];
  for (let at = error; typeof at === 'object' && at !== null && chain.length < 8; at = (at as { cause?: unknown }).cause) chain.push(at as Readonly<Record<string, unknown>>);
  return chain;
}
