import { ProblemError } from './problem.ts';

/** The ETag of a job: its version. What changes by itself (last run, next fire) is named behind it, so that a cache sees it and If-Match does not. */
export const jobEtag = (version: number, rest = ''): string => `"${version}${rest === '' ? '' : `.${rest}`}"`;

/** The version that an If-Match asks for; undefined for `*` or none. Throws `bad_header`. */
export function versionOfIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const version = /^(?:W\/)?"(\d{1,15})(?:\.[\w-]*)?"$/.exec(header.trim())?.[1];
  if (version === undefined) throw new ProblemError('bad_header', `expected If-Match with the ETag of a job such as "3", or *; saw ${JSON.stringify(header)}`);
  return Number(version);
}
