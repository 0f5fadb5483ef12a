/**
 * JSON text written straight into bytes. Grows as needed; `bytes()` is a view that the next `reset` makes invalid.
 * Reused from page to page, so that a busy gateway does not allocate a page's worth of memory for each answer.
 */
export class JsonWriter {
  #out: Buffer;
  #length = 0;

  constructor({ initialBytes = 64 * 1024 }: { initialBytes?: number } = {}) {
    this.#out = Buffer.allocUnsafe(Math.max(64, initialBytes));
  }

  get length(): number {
    return this.#length;
  }

  /** What was written so far, as a view. */
  bytes(): Buffer {
    return this.#out.subarray(0, this.#length);
  }

  /** A copy that stands on its own. */
  copy(): Buffer {
    return Buffer.from(this.bytes());
  }

  reset(): void {
    this.#length = 0;
  }

  /** Takes back what was written after this length, such as a comma too many. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** ASCII as it is: punctuation, names that are known to need no escaping, numbers. */
  ascii(text: string): void {
    const size = text.length;
    this.#reserve(size);
    if (size > 24) {
      this.#length += this.#out.write(text, this.#length, 'latin1');
      return;
    }
    const out = this.#out;
    let at = this.#length;
    for (let index = 0; index < size; index += 1) out[at++] = text.charCodeAt(index);
    this.#length = at;
  }

  byte(code: number): void {
    this.#reserve(1);
    this.#out[this.#length++] = code;
  }

  /** Text that is JSON already. */
  text(json: string): void {
    this.#reserve(json.length * 3);
    this.#length += this.#out.write(json, this.#length);
  }

  /** A string of JavaScript in quotes. A lone surrogate is written as `\udXXX`, as JSON.stringify does. */
  string(text: string): void {
    this.text(JSON.stringify(text));
  }

  /** Bytes of UTF-8 from `start` to `end` (not included) in quotes, escaped where JSON wants it. */
  utf8(source: Uint8Array, start: number, end: number): void {
    // The worst byte becomes six (\u001f); reserved at once, so that the loop does not have to ask.
    this.#reserve((end - start) * 6 + 2);
    const out = this.#out;
    let at = this.#length;
    out[at++] = quote;
    for (let index = start; index < end; index += 1) {
      const code = source[index] as number;
      const escape = escapes[code] as number;
      if (escape === 0) {
        out[at++] = code;
      } else if (escape === hexEscape) {
        at += out.write(`\\u00${code < 16 ? '0' : ''}${code.toString(16)}`, at, 'latin1');
      } else {
        out[at++] = backslash;
        out[at++] = escape;
      }
    }
    out[at++] = quote;
    this.#length = at;
  }

  /** A whole number within ±2^53. */
  integer(value: number): void {
    this.#reserve(20);
    const out = this.#out;
    let at = this.#length;
    let rest = value;
    if (rest < 0) {
      out[at++] = minus;
      rest = -rest;
    }
    if (rest < 10) {
      out[at++] = zero + rest;
      this.#length = at;
      return;
    }
    let digits = 1;
    for (let bound = 10; rest >= bound; bound *= 10) digits += 1;
    let place = at + digits;
    at = place;
    while (rest >= 1) {
      // Doubles divide exactly here: both are whole and below 2^53.
      const next = Math.floor(rest / 10);
      out[--place] = zero + (rest - next * 10);
      rest = next;
    }
    this.#length = at;
  }

  /** A double as JavaScript prints it, but -0 as `-0`; what JSON has no number for becomes a text, never null. */
  double(value: number): void {
    if (Number.isSafeInteger(value)) {
      if (value === 0 && 1 / value < 0) this.ascii('-0');
      else this.integer(value);
    } else if (Number.isFinite(value)) this.ascii(String(value));
    else this.ascii(`"${String(value)}"`);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#out.length * 2));
    this.#out.copy(larger, 0, 0, this.#length);
    this.#out = larger;
  }
}

const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const zero = 0x30;
const hexEscape = 1;

/** 0 = as it is, 1 = \u00XX, else the letter after the backslash: the same choices as JSON.stringify's. */
const escapes = ((): Uint8Array => {
  const table = new Uint8Array(256);
  for (let code = 0; code < 0x20; code += 1) table[code] = hexEscape;
  for (const [code, letter] of [[0x08, 'b'], [0x09, 't'], [0x0a, 'n'], [0x0c, 'f'], [0x0d, 'r'], [quote, '"'], [backslash, '\\']] as const) table[code] = letter.charCodeAt(0);
  return table;
})();
