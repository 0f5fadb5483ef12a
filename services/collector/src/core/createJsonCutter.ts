import type { Path } from '@gleaner/contracts';
import { badBody } from './AttemptFailure.ts';
import { maxBodyDepth, maxItemDepth } from './jsonDepth.ts';
import { parseExactJson } from './parseExactJson.ts';
import type { Recall, RecordHash } from './createKnownSnapshot.ts';
import type { ExactJson, JsonTraits } from './parseExactJson.ts';

/** One piece of the list, as text: a value, or `"name": value` where the list is an object. */
export interface JsonPiece extends JsonTraits {
  readonly text: string;
  /** Which piece of the list it is, from 1. */
  readonly number: number;
  /** What `recall` gave for its bytes. */
  readonly record?: RecordHash;
  /** The list is an object and the piece a property. */
  readonly property: boolean;
}

export interface JsonCutter {
  /** Takes the next bytes of the body (UTF-8). */
  write(chunk: Uint8Array): void;
  /** Ends the body; returns what stood around the list, the list itself left empty. */
  end(): ExactJson;
}

const quote = 0x22, backslash = 0x5c, comma = 0x2c, colon = 0x3a, minus = 0x2d, newline = 0x0a;
const recordSeparator = 0x1e;
const openBrace = 0x7b, closeBrace = 0x7d, openBracket = 0x5b, closeBracket = 0x5d;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
/** Marks bytes in a table: one look instead of many comparisons, for each byte of a body. */
const marks = (characters: string): Uint8Array => Uint8Array.from({ length: 256 }, (_value, byte) => Number(characters.includes(String.fromCharCode(byte))));
const numberBytes = marks('0123456789+-.eE');
const isNumberByte = (byte: number): boolean => numberBytes[byte] === 1;
/** What a string may end at, or be cut at. */
const stringStops = marks('"\\\n');
/** What means something outside strings; the rest JSON.parse will judge. */
const structure = marks('"{}[]:,-0123456789\n');
const isWordByte = (byte: number): boolean => isNumberByte(byte) || (byte >= 0x61 && byte <= 0x7a);

type Phase = 'outer' | 'list' | 'after';
interface Level {
  readonly list: boolean;
  /** Every container down to this one lies on the path. */
  readonly onPath: boolean;
  index: number;
  key?: string | undefined;
}

/**
 * Cuts the list at `path` out of a streaming body, piece by piece, without parsing the whole: what a piece means is left to JSON.parse,
 * so nothing is accepted here that is no JSON. A piece of a list that `recall` takes by its bytes is not even made a text,
 * and the one that it expects not even looked through: the same bytes with a boundary after them are the same piece. `lines` takes the body as one value a line instead, of which one is needed; a line may begin with the mark of JSON text sequences (RFC 7464). Memory: the longest piece, and what stands around the list.
 */
export function createJsonCutter({ path, lines = false, recall, onPiece }: { readonly path: Path; readonly lines?: boolean; readonly recall?: Recall | undefined; readonly onPiece: (piece: JsonPiece) => void }): JsonCutter {
  let buffer = Buffer.allocUnsafe(65_536);
  let length = 0;
  let start = 0; // of the piece or of what is kept for the envelope
  let at = 0;
  let phase: Phase = lines ? 'list' : 'outer';
  let found = lines;
  let property = false;
  let pieces = 0;
  let fresh = true; // a piece may begin here
  let taken = false; // a piece was taken whole; only its boundary is left
  let inString = false;
  let depth = 0;
  let colons = 0;
  let riskyNumbers = false;
  let escapes = false;
  let outerColons = 0;
  let outerRisky = false;
  let outerEscapes = false;
  let envelope = '';
  const levels: Level[] = [];
  let keyStart = -1;

  const take = (end: number): string => {
    const text = buffer.toString('utf8', start, end);
    // Invalid bytes become U+FFFD without a word; only where one shows is the slow question asked.
    if (text.includes('\uFFFD') && !Buffer.from(text).equals(buffer.subarray(start, end))) throw badBody(`expected UTF-8 in the JSON; saw other bytes in item ${pieces + 1}`);
    return text;
  };

  const cut = (end: number, last: boolean): void => {
    fresh = true;
    if (taken) {
      taken = false;
      start = end + 1;
      return;
    }
    let from = start;
    while (from < end && (isSpace(buffer[from] ?? 0) || (lines && buffer[from] === recordSeparator))) from += 1;
    let to = end;
    while (to > from && isSpace(buffer[to - 1] ?? 0)) to -= 1;
    const empty = from === to;
    if (empty && !lines && !(last && pieces === 0)) throw badBody(`expected a value between commas; saw none in place of item ${pieces + 1}`);
    if (!empty) {
      start = from;
      pieces += 1;
      // A property is read for its name, which no other may have.
      const record = property ? undefined : recall?.take(buffer.subarray(from, to));
      if (record !== undefined || property || !recall) onPiece({ text: take(to), number: pieces, property, colons, riskyNumbers, escapes, ...(record ? { record } : {}) });
    }
    start = end + 1;
    colons = 0;
    riskyNumbers = false;
    escapes = false;
  };

  /** Where the piece that `recall` expects ends, if it is the one that begins at `from` and its boundary is there too; else 0. */
  const endOfExpected = (from: number): number => {
    if (!recall || property || recall.expected === 0) return 0;
    const to = from + recall.expected;
    let boundary = to;
    while (boundary < length && isSpace(buffer[boundary] ?? 0) && !(lines && buffer[boundary] === newline)) boundary += 1;
    if (boundary >= length) return 0;
    const byte = buffer[boundary];
    if (!(lines ? byte === newline : byte === comma || byte === closeBracket)) return 0;
    return recall.takeExpected(buffer.subarray(from, to)) ? boundary : 0;
  };

  /** Looks through bytes inside the list until it ends or the bytes do. The hot loop: about a nanosecond a byte. */
  const scanList = (): void => {
    const bytes = buffer;
    let i = at;
    while (i < length) {
      if (inString) {
        while (i < length && stringStops[bytes[i] ?? 0] === 0) i += 1;
        if (i >= length) break;
        if (bytes[i] === quote) inString = false;
        else if (bytes[i] === backslash) {
          escapes = true;
          if (i + 1 >= length) break; // what it escapes has not come yet
          i += 1;
        } else if (lines) {
          inString = false; // no string goes over a line: JSON.parse says so
          depth = 0;
          cut(i, false);
        }
        i += 1;
        continue;
      }
      const byte = bytes[i] ?? 0;
      if (fresh && !isSpace(byte) && byte !== recordSeparator) {
        fresh = false;
        const end = endOfExpected(i);
        if (end > 0) {
          pieces += 1;
          taken = true;
          i = end;
          start = end;
          continue;
        }
      }
      if (structure[byte] === 0) {
        i += 1;
        continue;
      }
      if (byte === quote) inString = true;
      else if (byte === colon) colons += 1;
      else if (byte === openBrace || byte === openBracket) {
        depth += 1;
        if (depth > maxItemDepth) throw badBody(`expected items nested at most ${maxItemDepth} deep; item ${pieces + 1} is deeper`);
      } else if (byte === closeBrace || byte === closeBracket) {
        if (depth === 0 && !lines) {
          cut(i, true);
          start = i; // the closing bracket belongs to the envelope
          phase = 'after';
          at = i + 1;
          return;
        }
        depth -= 1;
      } else if (byte === comma) {
        if (depth === 0 && !lines) cut(i, false);
      } else if (byte === minus || (byte >= 0x30 && byte <= 0x39)) {
        const from = i;
        while (i < length && numberBytes[bytes[i] ?? 0] === 1) {
          if (bytes[i] === 0x65 || bytes[i] === 0x45) riskyNumbers = true;
          i += 1;
        }
        if (i - from >= 16) riskyNumbers = true;
        if (i >= length && i - from < 16) {
          i = from; // the rest of the number may be in the next bytes
          break;
        }
        continue;
      } else if (lines && byte === newline) {
        depth = 0;
        cut(i, false);
      }
      i += 1;
    }
    at = i;
  };

  const onPathAt = (level: Level | undefined): boolean => {
    if (!level) return true;
    if (!level.onPath) return false;
    const segment = path[levels.length - 1];
    return level.list ? segment === String(level.index) : segment === level.key;
  };

  /** A container or scalar begins outside the list; true where it is the list itself. */
  const begins = (byte: number): boolean => {
    const level = levels.at(-1);
    const matches = !found && onPathAt(level);
    const isTarget = matches && levels.length === path.length;
    const container = byte === openBrace || byte === openBracket;
    if (isTarget) {
      found = true;
      if (!container) throw badBody(`expected a list or an object at ${path.join('.') || '$'}; saw ${byte === quote ? 'a text' : byte === 0x6e ? 'null' : 'a single value'}`);
      property = byte === openBrace;
      return true;
    }
    if (container) {
      levels.push({ list: byte === openBracket, onPath: matches, index: 0 });
      if (levels.length > maxBodyDepth) throw badBody(`expected JSON nested at most ${maxBodyDepth} deep`);
    }
    return false;
  };

  /** Looks through bytes around the list, following the path; everything it passes is kept as the envelope. */
  const scanOuter = (): void => {
    while (at < length) {
      const byte = buffer[at] ?? 0;
      const level = levels.at(-1);
      if (inString) {
        if (byte === backslash) {
          outerEscapes = true;
          if (at + 1 >= length) return;
          at += 1;
        } else if (byte === quote) {
          inString = false;
          if (keyStart >= 0 && level) level.key = nameOf(buffer.toString('utf8', keyStart, at + 1));
          keyStart = -1;
        }
      } else if (byte === quote) {
        inString = true;
        if (level && !level.list && level.key === undefined) keyStart = at;
        else begins(byte);
      } else if (byte === colon) outerColons += 1;
      else if (byte === comma) {
        if (level?.list) level.index += 1;
        else if (level) level.key = undefined;
      } else if (byte === openBrace || byte === openBracket) {
        if (begins(byte)) {
          envelope += take(at + 1);
          at += 1;
          start = at;
          phase = 'list';
          return;
        }
      } else if (byte === closeBrace || byte === closeBracket) levels.pop();
      else if (!isSpace(byte)) {
        const from = at;
        while (at < length && isWordByte(buffer[at] ?? 0)) at += 1;
        if (at >= length && at - from < 64) {
          at = from; // the rest of the number or word may be in the next bytes
          return;
        }
        if (byte === minus || (byte >= 0x30 && byte <= 0x39)) outerRisky ||= at - from >= 16 || /e/i.test(buffer.toString('latin1', from, at));
        if (at > from) {
          const after = at;
          at = from;
          begins(byte);
          at = after;
          continue;
        }
      }
      at += 1;
    }
  };

  const scan = (): void => {
    let before: Phase;
    do {
      before = phase;
      if (phase === 'list') scanList();
      else scanOuter();
    } while (phase !== before);
  };

  const write = (chunk: Uint8Array): void => {
    if (start > 0 && keyStart < 0) {
      buffer.copyWithin(0, start, length);
      length -= start;
      at -= start;
      start = 0;
    }
    if (length + chunk.length > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + chunk.length));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
    buffer.set(chunk, length);
    length += chunk.length;
    scan();
  };

  return {
    write,
    end() {
      // What was held back for its continuation has none: a space ends a number and changes nothing else.
      write(Buffer.from(lines ? '\n' : ' '));
      if (lines && pieces === 0) throw badBody('expected one JSON value a line; the body has none');
      if (lines) return { value: undefined, textHolds: false };
      if (phase === 'list') throw badBody(`expected the list at ${path.join('.') || '$'} to end; the body ended in item ${pieces + 1}`);
      envelope += take(length);
      const around = parseExactJson(envelope, { colons: outerColons, riskyNumbers: outerRisky, escapes: outerEscapes }, 'the answer');
      if (!found) throw badBody(`expected a list at ${path.join('.') || '$'}; the answer has none there`);
      return around;
    },
  };
}

/** A property's name; one that is no JSON matches no path, and the envelope's parse will say what is wrong. */
function nameOf(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    return token;
  }
}
