/** Bytes of a text in windows-1251, for ASCII, Russian letters and №; throws on any other character, because a question mark would be a lie. */
export function encodeWindows1251(text: string): Buffer {
  const bytes = Buffer.alloc(text.length);
  for (let place = 0; place < text.length; place += 1) bytes[place] = byteOf(text.charCodeAt(place));
  return bytes;
}

function byteOf(code: number): number {
  if (code < 0x80) return code;
  if (code >= 0x410 && code <= 0x44f) return code - 0x410 + 0xc0;
  if (code === 0x401) return 0xa8;
  if (code === 0x451) return 0xb8;
  if (code === 0x2116) return 0xb9;
  throw new RangeError(`expected ASCII or a Russian letter; saw U+${code.toString(16)}`);
}
