import { StringDecoder } from 'node:string_decoder';
import iconv from 'iconv-lite';
import { badBody } from './core/AttemptFailure.ts';

/** Text out of the bytes of a body, as they come; both throw `bad_body` where the decoder is strict and bytes stand for nothing. */
export interface TextDecoding {
  write(bytes: Buffer): string;
  end(): string;
}

/** Bytes that a decoder may hold back: no character is longer than four. */
const heldBack = 3;
const withReplacement = /^(utf|ucs|cesu|gb-?18030)/i;
/** Charsets of which iconv-lite drops half a unit at the end without a word, where others end as U+FFFD. */
const unitsOfTwo = /^(utf-?16|ucs-?2)/i;
/** Charsets whose decoders need no whole characters: their units hold any byte. */
const wideUnits = /^(utf-?(16|32)|ucs-?[24])/i;
const utf8 = /^(utf-?8|us-ascii|ascii)$/;

/** Charsets whose text is the bytes of UTF-8. */
export const isUtf8 = (charset: string): boolean => utf8.test(charset);

/** Makes a decoder. `strict`: bytes that stand for nothing, of which a decoder makes U+FFFD without a word, fail, because they would lose what upstream said. */
export function decodeText(charset: string, { strict }: { readonly strict: boolean }): TextDecoding {
  const decoder = isUtf8(charset) ? new StringDecoder('utf8') : iconv.getDecoder(charset, { stripBOM: false });
  const name = isUtf8(charset) ? 'UTF-8' : charset;
  let before: Buffer = Buffer.alloc(0);
  let size = 0;

  /** In a charset that has U+FFFD upstream may have sent it itself: then writing the text again gives the same bytes, after those that were held back. */
  const isWritten = (text: string, bytes: Buffer): boolean => {
    if (!withReplacement.test(name)) return false;
    const again = isUtf8(charset) ? Buffer.from(text) : iconv.encode(text, charset, { addBOM: false });
    for (let held = 0; held <= before.length; held += 1) {
      if (Buffer.concat([before.subarray(before.length - held), bytes]).subarray(0, again.length).equals(again)) return true;
    }
    return false;
  };

  const take = (bytes: Buffer): string => {
    const text = decoder.write(bytes);
    if (!strict) return text;
    if (text.includes('\uFFFD') && !isWritten(text, bytes)) throw badBody(`expected ${name} (\`charset\` in the job names another); saw bytes that are none`);
    size += bytes.length;
    before = bytes.length >= heldBack ? bytes.subarray(-heldBack) : Buffer.concat([before, bytes]).subarray(-heldBack);
    return text;
  };

  const asItComes = isUtf8(charset) || wideUnits.test(charset);
  let rest: Buffer = Buffer.alloc(0);
  return {
    write(bytes) {
      if (asItComes) return take(bytes);
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      const end = endOfCharacters(all);
      rest = all.subarray(end);
      return take(all.subarray(0, end));
    },
    end() {
      const last = take(rest);
      // Not every decoder has something to say at its end: that of CESU-8 gives 0.
      const text = decoder.end() || '';
      const unit = unitsOfTwo.test(charset) ? 2 : 1;
      if (strict && (text.includes('\uFFFD') || size % unit > 0)) throw badBody(`expected ${name}; the body ends inside a character`);
      return last + text;
    },
  };
}

/** How much of a text may wait for a byte that ends a character for certain. */
const mostWaiting = 4_096;

/**
 * Where the last character ends of which that is certain: in every charset but those of wide units a byte below 0x30 is a character of its own. A decoder of iconv-lite
 * that is given a part of one has room for one unit of UTF-16 for each byte that follows, and loses the end of that part where the character is two of them.
 */
function endOfCharacters(bytes: Buffer): number {
  for (let end = bytes.length; end > 0; end -= 1) if ((bytes[end - 1] ?? 0) < 0x30) return end;
  return bytes.length > mostWaiting ? bytes.length : 0;
}
