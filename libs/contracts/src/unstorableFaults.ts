import type { Fault } from './job.ts';

/** Nested deeper than MongoDB takes (100, with the document around it) is refused before anything recurses into it. */
const maxDepth = 90;

/**
 * What of a body no database would hold, or would hold as something else: NUL and lone surrogates in names, lone surrogates in texts, and the name `__proto__`, which what reads
 * a body's shape leaves out (a filter without one of its conditions matches more). Each with its dotted path below `path`.
 */
export function unstorableFaults(value: unknown, path = '', depth = 0): Fault[] {
  if (typeof value === 'string') return value.isWellFormed() ? [] : [{ path, code: 'bad_text', message: 'expected text that UTF-8 can hold; saw a lone surrogate' }];
  if (typeof value !== 'object' || value === null) return [];
  if (depth >= maxDepth) return [{ path, code: 'too_deep', message: `expected at most ${maxDepth} levels` }];
  return Object.entries(value).flatMap(([name, part]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const message = nameFault(name);
    return message === undefined ? unstorableFaults(part, at, depth + 1) : [{ path: at, code: 'bad_name', message: `expected a name ${message}` }];
  });
}

function nameFault(name: string): string | undefined {
  if (name === '__proto__') return 'other than __proto__';
  if (name.includes('\0')) return `without NUL; saw ${JSON.stringify(name)}`;
  return name.isWellFormed() ? undefined : `that UTF-8 can hold; saw a lone surrogate in ${JSON.stringify(name)}`;
}
