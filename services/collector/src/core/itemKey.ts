import { compilePath, parsePath } from '@gleaner/contracts';
import { AttemptFailure, badBody } from './AttemptFailure.ts';
import type { CompileRead } from './compileFields.ts';
import type { NumberTexts } from './parseExactJson.ts';

const maxBytes = 1_024;

/** Reads an item's key from its value; `exact` has the texts of its numbers, and is read only where the number does not tell its own. */
export type KeyReader = (value: unknown, exact: NumberTexts | undefined, place: string) => string;

/** Makes the reader of a key of one path or several; several parts become a JSON list of texts. Throws `missing_key`. */
export function compileKey(key: string | readonly string[], compileRead: CompileRead = (path) => compilePath(parsePath(path))): KeyReader {
  const paths = (typeof key === 'string' ? [key] : key).map((text) => ({ text, read: compileRead(text) }));
  const part = (at: (typeof paths)[number], value: unknown, exact: NumberTexts | undefined, place: string): string => {
    const found = at.read(value);
    if (typeof found === 'string') {
      if (!found.isWellFormed()) throw badBody(`expected text that UTF-8 can hold; saw a lone surrogate in the key at ${at.text} in ${place}`);
      return found;
    }
    if (typeof found === 'number') {
      const own = Object.is(found, -0) ? '-0' : String(found);
      const written = exact && (!Number.isSafeInteger(found) || own === '-0' || exact.mayDiffer(own)) ? at.read(exact.read()) : own;
      return typeof written === 'string' ? written : own;
    }
    if (typeof found === 'boolean') return String(found);
    throw new AttemptFailure('missing_key', `expected a text, number or boolean as the key at ${at.text}; ${place} has ${found === undefined ? 'nothing' : found === null ? 'null' : Array.isArray(found) ? 'a list' : 'an object'} there`);
  };
  const [single] = paths;
  return (value, exact, place) =>
    checkedKey(paths.length === 1 && single ? part(single, value, exact, place) : JSON.stringify(paths.map((at) => part(at, value, exact, place))), place);
}

/** A key is 1 to 1,024 bytes of UTF-8; throws `missing_key` otherwise. */
export function checkedKey(key: string, place: string): string {
  if (key.length === 0 || key.length > maxBytes || (key.length > maxBytes / 3 && Buffer.byteLength(key) > maxBytes)) {
    throw new AttemptFailure('missing_key', `expected a key of 1 to ${maxBytes.toLocaleString('en')} bytes; ${place} has one of ${Buffer.byteLength(key).toLocaleString('en')}`);
  }
  return key;
}
