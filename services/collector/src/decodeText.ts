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

  return {
    write(bytes) {
      const text = decoder.write(bytes);
      if (!strict) return text;
      if (text.includes('\uFFFD') && !isWritten(text, bytes)) throw badBody(`expected ${name} (\`charset\` in the job names another); saw bytes that are none`);
      size += bytes.length;
      before = bytes.length >= heldBack ? bytes.subarray(-heldBack) : Buffer.concat([before, bytes]).subarray(-heldBack);
      return text;
    },
    end() {
      const text = decoder.end() ?? '';
      const unit = /^utf-?16/.test(charset) ? 2 : 1; // half a unit of UTF-16 is dropped, where others end as U+FFFD
      if (strict && (text.includes('\uFFFD') || size % unit > 0)) throw badBody(`expected ${name}; the body ends inside a character`);
      return text;
    },
  };
}
