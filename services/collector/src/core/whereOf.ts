import { compileWhere } from '@gleaner/collecting';
import { AttemptFailure } from './AttemptFailure.ts';

/** A job's `where` as one test; `bad_template` where it has faults, which a job that PUT took has none of. */
export function whereOf(where: Readonly<Record<string, unknown>>): (value: unknown) => boolean {
  const compiled = compileWhere(where);
  if (!compiled.ok) throw new AttemptFailure('bad_template', compiled.faults.map(({ path, message }) => `${path}: ${message}`).join('; '));
  return compiled.test;
}
