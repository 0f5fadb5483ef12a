import { ProblemError } from '../core/problem.ts';

/** The Idempotency-Key of a request, or undefined; throws `bad_header` for one that is none. Quotes, as the draft standard has them, are not part of it. */
export function readIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = header.trim().replace(/^"(.*)"$/, '$1');
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw new ProblemError('bad_header', 'expected an Idempotency-Key of 1 to 200 printable characters without spaces');
  return key;
}
