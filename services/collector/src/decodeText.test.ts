import { describe, expect, it } from '@jest/globals';
import iconv from 'iconv-lite';
import { decodeText } from './decodeText.ts';

/** Text of bytes that come in pieces of this size. */
function decode(charset: string, bytes: Buffer, size: number): unknown[] {
  const decoder = decodeText(charset, { strict: true });
  const parts: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(decoder.write(bytes.subarray(at, at + size)));
  return [...parts, decoder.end()];
}

const charsets = ['utf-8', 'utf-16le', 'utf16be', 'ucs-2', 'ucs2', 'utf-32le', 'utf-32be', 'cesu-8', 'gb18030', 'gbk', 'big5', 'shift_jis', 'euc-kr'];

describe('text out of bytes', () => {
  it.each(charsets)('is the text that was written, in whatever pieces they come: %s', (charset) => {
    // Where the charset has characters that are two units of UTF-16 some stand in it; the last text has no byte that is surely a character of its own.
    const wide = /utf|ucs|cesu|18030/.test(charset) ? '\u{1F600}' : charset === 'big5' ? '\u{20021}' : '';
    for (const text of ['id,name\n1,\u5b57a', `id,name\n1,${wide}b${wide},${wide}`, `${wide}b${wide}`]) {
      const bytes = iconv.encode(text, charset, { addBOM: false });
      for (const size of [1, 2, 3, 5, 100]) {
        const parts = decode(charset, bytes, size);
        expect(parts.every((part) => typeof part === 'string')).toBe(true);
        expect(parts.join('')).toBe(text);
      }
    }
  });

  it.each(charsets)('that end inside a character are refused: %s', (charset) => {
    const bytes = iconv.encode('a\u5b57', charset, { addBOM: false }).subarray(0, -1);
    for (const size of [1, 2, 100]) expect(() => decode(charset, bytes, size)).toThrow(expect.objectContaining({ class: 'bad_body', message: expect.stringContaining('inside a character') }));
  });
});
