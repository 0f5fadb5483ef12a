import { compileWhere } from '@gleaner/collecting';
import type { CompiledWhere } from '@gleaner/collecting';
import { AttemptFailure } from './AttemptFailure.ts';

/** Texts of queries that stay compiled, in characters; one of 10,000 ids has about 100,000. */
const mostChars = 4 * 1024 ** 2;

type Where = Pick<Extract<CompiledWhere, { ok: true }>, 'test' | 'hasRegex'>;

const byQuery = new WeakMap<object, Where>();
/** By their JSON, those used last at the end: another tick of the same job version brings another object of the same text. */
const byText = new Map<string, Where>();
let chars = 0;

/** A job's `where` as one test, compiled once for all its runs; `bad_template` where it has faults, which a job that PUT took has none of. */
export function whereOf(where: Readonly<Record<string, unknown>>): Where {
  const known = byQuery.get(where);
  if (known) return known;
  const text = JSON.stringify(where);
  const compiled = byText.get(text) ?? compiledOf(where);
  byQuery.set(where, compiled);
  if (byText.delete(text)) chars -= text.length;
  byText.set(text, compiled);
  chars += text.length;
  for (const [oldest] of byText) {
    if (chars <= mostChars) break;
    byText.delete(oldest);
    chars -= oldest.length;
  }
  return compiled;
}

function compiledOf(where: Readonly<Record<string, unknown>>): Where {
  const compiled = compileWhere(where);
  if (!compiled.ok) throw new AttemptFailure('bad_template', compiled.faults.map(({ path, message }) => `${path}: ${message}`).join('; '));
  return compiled;
}
