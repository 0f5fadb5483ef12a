import { AttemptFailure, badBody } from '../core/AttemptFailure.ts';
import { setOwn } from '../core/compileFields.ts';
import type { OnFound, TextReader } from './FormatReader.ts';

/**
 * The matches of a regular expression in a text, in order: `pattern` or `/pattern/flags` (of i, m, s, u; default m and u). An item is its named groups, else its
 * numbered ones, else `match`; a group that took no part is left out. No match at all is `bad_body`. The caller limits the time.
 */
export function readText({ expression, single, onFound }: { readonly expression: string; readonly single: boolean; readonly onFound: OnFound }): TextReader {
  const pattern = compile(expression);
  const parts: string[] = [];
  return {
    takes: 'text',
    write: (part) => void parts.push(part),
    end: () => {
      let count = 0;
      for (const match of parts.join('').matchAll(pattern)) {
        count += 1;
        onFound({ value: recordOf(match) });
        if (single) break;
      }
      if (count === 0) throw badBody(`expected matches of ${pattern.source}; the text has none`);
      return undefined;
    },
  };
}

function recordOf(match: RegExpExecArray): Record<string, unknown> {
  const groups = match.groups ? Object.entries(match.groups) : match.length > 1 ? match.slice(1).map((value, index) => [String(index + 1), value] as const) : [['match', match[0]] as const];
  const data: Record<string, unknown> = {};
  for (const [name, value] of groups) if (value !== undefined) setOwn(data, name, value);
  return data;
}

function compile(expression: string): RegExp {
  const [, source = expression, flags = 'mu'] = /^\/(.*)\/([imsu]*)$/s.exec(expression) ?? [];
  if (source === '' || source === '$') throw new AttemptFailure('bad_template', 'expected a regular expression in items (or item) for text');
  try {
    return new RegExp(source, `${flags}g`);
  } catch (cause) {
    throw new AttemptFailure('bad_template', `expected a regular expression; ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
