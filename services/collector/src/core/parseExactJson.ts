import { badBody } from './AttemptFailure.ts';
import { exactNumber } from './exactNumber.ts';

/** What was seen while a piece of JSON was cut out: it decides how carefully the piece is read. */
export interface JsonTraits {
  /** Colons outside strings: as many as there are properties. */
  readonly colons: number;
  /** A number of 16 characters or more, or with an exponent. */
  readonly riskyNumbers: boolean;
  /** A backslash in a string. */
  readonly escapes: boolean;
}

/** A piece of JSON read without losing a digit. `textHolds`: the text, read natively, gives the same value. */
export interface ExactJson {
  readonly value: unknown;
  readonly textHolds: boolean;
}

/** Reads one JSON value; `where` names it in the failure (bad_body) that ends the attempt. */
export function parseExactJson(text: string, traits: JsonTraits, where: string): ExactJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // The engine's message shows a part of the text, which might be half a secret: only what it found is told.
    const said = cause instanceof Error ? (/^[^"]*/.exec(cause.message)?.[0] ?? '').replace(/,?[ .]*$/, '') : '';
    throw badBody(`expected JSON in ${where}; ${said || 'saw something else'}`);
  }
  if (countNames(value) !== traits.colons) throw badBody(`expected each name once in an object; saw ${JSON.stringify(duplicateName(text))} twice in ${where}`);
  if (traits.escapes && /\\u(?:0000|d[89a-f])/i.test(text)) refuseUnstorable(value, where, '');
  if (!traits.riskyNumbers) return { value, textHolds: true };
  let textHolds = true;
  const exact: unknown = JSON.parse(text, (_name, part: unknown, context?: { readonly source?: string }) => {
    if (typeof part !== 'number' || context?.source === undefined) return part;
    const kept = exactNumber(context.source);
    if (typeof kept === 'string') textHolds = false;
    return kept;
  });
  return { value: exact, textHolds };
}

/** Traits of a text that no cutter has looked at, and how deep it is nested. */
export function traitsOf(text: string): JsonTraits & { readonly depth: number } {
  let open = 0;
  let depth = 0;
  let colons = 0;
  let riskyNumbers = false;
  let escapes = false;
  eachToken(text, (kind, start, end) => {
    if (kind === ':') colons += 1;
    else if (kind === '{' || kind === '[') depth = Math.max(depth, (open += 1));
    else if (kind === '}' || kind === ']') open -= 1;
    else if (kind === '"') escapes ||= text.slice(start, end).includes('\\');
    else if (kind === '0') riskyNumbers ||= end - start >= 16 || /[eE]/.test(text.slice(start, end));
  });
  return { colons, riskyNumbers, escapes, depth };
}

/** Tells of strings (`"`), numbers (`0`) and structure (`{}[]:`), in order, with where each begins and ends; a loop, because texts are long and nested deep. */
function eachToken(text: string, visit: (kind: string, start: number, end: number) => void): void {
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (char === '"') {
      const start = at;
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
      visit('"', start, at + 1);
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      const start = at;
      while (at + 1 < text.length && /[\d.eE+-]/.test(text[at + 1] ?? '')) at += 1;
      visit('0', start, at + 1);
    } else if ('{}[]:'.includes(char)) visit(char, at, at + 1);
  }
}

/** The texts that a piece of JSON has its numbers in: for keys, which keep them. */
export interface NumberTexts {
  /** Whether a whole number of these digits may be written otherwise, as 1.0 or 1e2 are: asked first, because reading costs much more. */
  mayDiffer(digits: string): boolean;
  /** The value again, with every number as its text. */
  read(): unknown;
}

/** `of` picks from the piece what is meant. */
export const numberTexts = (text: string, { riskyNumbers }: Pick<JsonTraits, 'riskyNumbers'>, of = (value: unknown): unknown => value): NumberTexts => ({
  mayDiffer: (digits) => text.includes(`${digits}.0`) || (riskyNumbers && /\d[eE]/.test(text)),
  read: () => of(JSON.parse(text, (_name, part: unknown, context?: { readonly source?: string }) => (typeof part === 'number' ? (context?.source ?? part) : part))),
});

function countNames(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const part of value) if (typeof part === 'object') count += countNames(part);
    return count;
  }
  for (const name of Object.keys(value)) {
    count += 1;
    const part = (value as Record<string, unknown>)[name];
    if (typeof part === 'object') count += countNames(part);
  }
  return count;
}

/** Finds the name that an object has twice; only called once the count has shown that there is one. */
function duplicateName(text: string): string {
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  let found: string | undefined;
  eachToken(text, (kind, start, end) => {
    if (kind === '{') open.push(new Set());
    else if (kind === '[') open.push(undefined);
    else if (kind === '}' || kind === ']') open.pop();
    else if (kind === '"') last = text.slice(start, end);
    else if (kind === ':') {
      const name = JSON.parse(last) as string;
      const names = open.at(-1);
      if (names?.has(name)) found ??= name;
      names?.add(name);
    }
  });
  return found ?? '?';
}

/** BSON holds no name with a NUL and no lone surrogate: better to say so than to store something else. */
export function refuseUnstorable(value: unknown, where: string, path: string): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw badBody(`expected text that UTF-8 can hold; saw a lone surrogate at ${path || '$'} in ${where}`);
  } else if (Array.isArray(value)) value.forEach((part, index) => refuseUnstorable(part, where, `${path}${path && '.'}${index}`));
  else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) {
      if (name.includes('\0')) throw badBody(`expected names without NUL; saw ${JSON.stringify(name)} at ${path || '$'} in ${where}`);
      if (!name.isWellFormed()) throw badBody(`expected names that UTF-8 can hold; saw a lone surrogate in ${JSON.stringify(name)} at ${path || '$'} in ${where}`);
      refuseUnstorable(part, where, `${path}${path && '.'}${name}`);
    }
  }
}
