import type { FailureClass } from '@gleaner/contracts';

/** Statuses that do not go by their hundred. */
const special: Readonly<Record<number, FailureClass>> = { 408: 'timeout', 425: 'timeout', 429: 'rate_limited' };

/** The failure class of an answer's status; undefined where the answer may be read (2xx). 304 is for the caller, who knows whether it asked. */
export function classifyStatus(status: number): FailureClass | undefined {
  if (status >= 200 && status < 300) return undefined;
  return special[status] ?? (status >= 500 ? 'http_5xx' : status >= 400 ? 'http_4xx' : 'bad_body');
}
