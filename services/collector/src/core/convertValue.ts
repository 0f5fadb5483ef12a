import { exactNumber } from './exactNumber.ts';

export type FieldType = 'number' | 'string' | 'date' | 'boolean';
export interface Converted {
  readonly value: unknown;
  /** False where the value is not of the type: it is then kept as it came. */
  readonly ok: boolean;
}

/**
 * Turns an upstream value into a field's type. `null` and empty text become null (an empty text stays one for `string`); what cannot be turned
 * is kept as it came, because nothing may be lost. `decimalComma`: `1.234,5` and `1 234,5` are 1234.5. Dates become ISO 8601 UTC texts.
 */
export function convertValue(value: unknown, type: FieldType, decimalComma: boolean): Converted {
  if (value === null || value === undefined) return { value, ok: true };
  if (type === 'string') return { value: typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : Object.is(value, -0) ? '-0' : String(value), ok: true };
  if (typeof value === 'string' && value.trim() === '') return { value: null, ok: true };
  const converted = type === 'number' ? toNumber(value, decimalComma) : type === 'boolean' ? toBoolean(value) : toDate(value);
  return converted === undefined ? { value, ok: false } : { value: converted, ok: true };
}

function toNumber(value: unknown, decimalComma: boolean): number | string | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const bare = value.trim().replace(/[\s\u00a0\u202f']/g, '').replace(/^\+/, '').replace('\u2212', '-');
  const grouped = decimalComma ? bare.replaceAll('.', '').replace(',', '.') : /^-?\d{1,3}(,\d{3})+(\.\d*)?$/.test(bare) ? bare.replaceAll(',', '') : bare;
  const match = /^(-?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/.exec(grouped);
  if (!match || (match[2] === '' && !match[3])) return undefined;
  const whole = (match[2] ?? '').replace(/^0+(?=\d)/, '') || '0';
  return exactNumber(`${match[1]}${whole}${match[3] ? `.${match[3]}` : ''}${match[4] ?? ''}`);
}

function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text = String(value).trim().toLowerCase();
  if (['true', 'yes', 'on', '1', 'y', 't'].includes(text)) return true;
  return ['false', 'no', 'off', '0', 'n', 'f'].includes(text) ? false : undefined;
}

/** Unix times (seconds below 10^11, else milliseconds), ISO 8601 (UTC where it names no offset), dd.MM.yyyy and RFC 7231 dates. */
function toDate(value: unknown): string | undefined {
  if (typeof value === 'number' || (typeof value === 'string' && /^-?\d{9,14}$/.test(value.trim()))) {
    const number = Number(value);
    return iso(Math.abs(number) < 1e11 ? number * 1000 : number);
  }
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const dotted = /^(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T](\d{2}:\d{2}(?::\d{2})?))?$/.exec(text);
  if (dotted) return iso(Date.parse(`${dotted[3]}-${(dotted[2] ?? '').padStart(2, '0')}-${(dotted[1] ?? '').padStart(2, '0')}T${dotted[4] ?? '00:00'}Z`));
  const compact = /^(\d{4})(\d{2})(\d{2})$/.exec(text);
  if (compact) return iso(Date.parse(`${compact[1]}-${compact[2]}-${compact[3]}T00:00Z`));
  const parts = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/i.exec(text);
  if (parts) return iso(Date.parse(`${parts[1]}T${(parts[2] ?? '00:00').replace(',', '.')}${parts[3] ?? 'Z'}`));
  if (/^[A-Za-z]{3}, \d{2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2} (GMT|[+-]\d{4})$/.test(text)) return iso(Date.parse(text));
  return undefined;
}

const iso = (ms: number): string | undefined => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined);
