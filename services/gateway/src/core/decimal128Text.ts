const exponentBias = 6176;
const largestCoefficient = 10n ** 34n - 1n;

/** The exact text of an IEEE 754 decimal (binary encoding) from its two halves, as its specification prints it: `1.50`, `1E+3`, `-0`, `NaN`, `Infinity`. */
export function decimal128Text(high: bigint, low: bigint): string {
  const sign = high >> 63n === 1n ? '-' : '';
  const combination = (high >> 58n) & 0x1fn;
  if (combination === 0x1fn) return 'NaN';
  if (combination === 0x1en) return `${sign}Infinity`;
  // Coefficients of the second form are beyond 34 digits in every case: they count as 0.
  const second = (high >> 61n) & 0x3n;
  const exponent = Number(second === 3n ? (high >> 47n) & 0x3fffn : (high >> 49n) & 0x3fffn) - exponentBias;
  const coefficient = second === 3n ? 0n : ((high & ((1n << 49n) - 1n)) << 64n) | low;
  return sign + printed(coefficient > largestCoefficient ? '0' : coefficient.toString(), exponent);
}

function printed(digits: string, exponent: number): string {
  const adjusted = exponent + digits.length - 1;
  if (exponent > 0 || adjusted < -6) {
    const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
    return `${mantissa}E${adjusted < 0 ? '' : '+'}${adjusted}`;
  }
  if (exponent === 0) return digits;
  const point = digits.length + exponent;
  return point > 0 ? `${digits.slice(0, point)}.${digits.slice(point)}` : `0.${'0'.repeat(-point)}${digits}`;
}
