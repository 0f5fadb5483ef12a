import { pathFault, type Extraction, type Fault, type FieldSpec } from '@gleaner/contracts';
import jsonata from 'jsonata';
import { compilePattern } from './compilePattern.ts';
import { compileSelector, parseHtmlPath } from './compileSelector.ts';
import { whereFaults } from './compileWhere.ts';
import { isCharset } from './isCharset.ts';

/** The parts of a job that say how its items are found. */
export type JudgedParts = { readonly [Part in 'format' | 'charset' | 'items' | 'item' | 'key' | 'where' | 'fields']?: Extraction[Part] };

/** Why something of a job cannot be used; undefined where it can. */
type Judge = (text: string) => string | undefined;

const selectorFault: Judge = (selector) => {
  const compiled = compileSelector(selector);
  return compiled.ok ? undefined : compiled.reason;
};
const patternFault: Judge = (expression) => {
  const compiled = compilePattern(expression);
  return compiled.ok ? undefined : compiled.reason;
};
const htmlPathFault: Judge = (path) => {
  const { selector } = parseHtmlPath(path);
  return selector === undefined ? undefined : selectorFault(selector);
};

/**
 * What is wrong with a job's extraction that its shape does not show: the operators and operands of `where`, paths, selectors, regular expressions and JSONata.
 * Each fault with its path in the job, a code, and what was expected; none: a collector can compile all of it.
 */
export function extractionFaults({ format, charset, items, item, key, where, fields = {} }: JudgedParts): Fault[] {
  const faults: Fault[] = [];
  const judge = (path: string, code: string, reason: string | undefined): void => {
    if (reason !== undefined) faults.push({ path, code, message: reason });
  };
  if (charset !== undefined && !isCharset(charset)) judge('charset', 'bad_charset', `expected a charset such as utf-8 or windows-1251; saw ${JSON.stringify(charset)}`);
  const at = item === undefined ? 'items' : 'item';
  const list = item ?? items ?? '';
  if (format === 'html') judge(at, 'bad_selector', selectorFault(list));
  else if (format === 'text') judge(at, 'bad_regex', patternFault(list));
  else judge(at, 'bad_path', pathFault(list));

  const [code, ofPath] = format === 'html' ? ['bad_selector', htmlPathFault] as const : ['bad_path', pathFault] as const;
  if (typeof key === 'string') judge('key', code, ofPath(key));
  else key?.forEach((part, index) => judge(`key.${index}`, code, ofPath(part)));
  for (const [name, spec] of Object.entries(fields)) {
    if (isExpression(spec)) judge(`fields.${name}.expr`, 'bad_expression', expressionFault(spec.expr));
    else judge(typeof spec === 'string' ? `fields.${name}` : `fields.${name}.path`, code, ofPath(typeof spec === 'string' ? spec : spec.path));
  }
  return where === undefined ? faults : [...faults, ...whereFaults(where)];
}

const isExpression = (spec: FieldSpec): spec is { readonly expr: string } => typeof spec === 'object' && 'expr' in spec;

function expressionFault(expr: string): string | undefined {
  try {
    jsonata(expr);
    return undefined;
  } catch (error) {
    const { message, code, position } = error as { readonly message?: unknown; readonly code?: unknown; readonly position?: unknown };
    return `expected a JSONata expression; ${String(message)} (${String(code)}, at character ${String(position)})`;
  }
}
