import type { RunDocument } from '@gleaner/database';
import type { FailedReport } from '@gleaner/contracts';

/** A failure as its run keeps it. */
export function errorOf({ class: failure, message, status, retryAfterMs, origin }: Pick<FailedReport, 'class' | 'message'> & { readonly [K in 'status' | 'retryAfterMs' | 'origin']?: FailedReport[K] | undefined }, at: Date): NonNullable<RunDocument['error']> {
  return { class: failure, message, at, ...(status === undefined ? {} : { status }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(origin === undefined ? {} : { origin }) };
}
