/** Why a header cannot have a value; undefined where it can. The value stays out of the reason: it may hold a secret. */
export function headerValueFault(value: string): string | undefined {
  if (/[\r\n\0]/.test(value)) return 'expected a value without line breaks';
  return /[^\t\x20-\x7e\x80-\xff]/.test(value) ? 'expected a value of characters that a header can hold (ISO 8859-1, no control characters)' : undefined;
}
