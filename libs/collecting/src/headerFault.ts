/** Why a text is no name of a header; undefined where it is one. */
export const headerNameFault = (name: string): string | undefined => (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) ? undefined : `expected a header name; saw ${JSON.stringify(name)}`);

/** Why a header cannot have a value; undefined where it can. The value stays out of the reason: it may hold a secret. */
export function headerValueFault(value: string): string | undefined {
  if (/[\r\n\0]/.test(value)) return 'expected a value without line breaks';
  return /[^\t\x20-\x7e\x80-\xff]/.test(value) ? 'expected a value of characters that a header can hold (ISO 8859-1, no control characters)' : undefined;
}
