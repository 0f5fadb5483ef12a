const limit = 2n ** 53n;

/**
 * The value of a decimal number as it is kept: a double, but the text itself where a double would lose digits of an integer
 * (beyond 2^53) or leave its range (1e400, 1e-400). `text` must be a number in JSON's form.
 */
export function exactNumber(text: string): number | string {
  const value = Number(text);
  if (/^-?\d+$/.test(text)) {
    if (text.length < 16) return value;
    // 17 digits are beyond 2^53, and no million of them may be worked out to learn it.
    if (/^-?[1-9]\d{16}/.test(text)) return text;
    const whole = BigInt(text);
    return whole > limit || whole < -limit ? text : value;
  }
  if (!Number.isFinite(value)) return text;
  if (value === 0) return /[1-9]/.test(text.split(/e/i)[0] ?? '') ? text : value;
  // 9007199254740993.0 is an integer too; 6.02e23 loses nothing, because its shortest form is the same number.
  if (Math.abs(value) >= 2 ** 53 && Number.isInteger(value)) return plain(text) === plain(String(value)) ? value : text;
  return value;
}

/** Digits and exponent without what does not count: equal for equal numbers. */
function plain(text: string): string {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  let end = digits.length; // an expression would try each run of zeros to its end
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  const trimmed = digits.slice(0, end);
  return `${sign === '-' ? '-' : ''}${trimmed}e${Number(exponent) - fraction.length + digits.length - trimmed.length}`;
}
