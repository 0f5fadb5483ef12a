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

/**
 * Numbers in groups of three, all parted by one mark: white space, an apostrophe, or whichever of dot and comma does not begin the fraction. No first group begins
 * with 0: `0,500` is a half that is written with the other mark, and would become 500.
 */
const groupedByComma = /^-?[1-9]\d{0,2}([\s',])\d{3}(?:\1\d{3})*(?:\.\d*)?$/;
const groupedByDot = /^-?[1-9]\d{0,2}([\s'.])\d{3}(?:\1\d{3})*(?:,\d*)?$/;

function toNumber(value: unknown, decimalComma: boolean): number | string | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const signed = value.trim().replace('\u2212', '-').replace(/^\+\s*/, '').replace(/^-\s+/, '-');
  const mark = (decimalComma ? groupedByDot : groupedByComma).exec(signed)?.[1];
  const bare = mark === undefined ? signed : signed.replaceAll(mark, '');
  // A dot that groups nothing may be a decimal one after all: to drop it would make 41.50 a hundred times as much.
  if (decimalComma && bare.includes('.')) return undefined;
  const match = /^(-?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/.exec(decimalComma ? bare.replace(',', '.') : bare);
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

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** ISO 8601 (UTC where it names no offset), dd.MM.yyyy, RFC 7231 dates, and digits alone. */
function toDate(value: unknown): string | undefined {
  if (typeof value === 'number') return fromDigits(value, String(value));
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (/^-?\d{8,14}$/.test(text)) return fromDigits(Number(text), text, text.length === 8);
  const dotted = /^(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T](\d{2}:\d{2}(?::\d{2})?))?$/.exec(text);
  if (dotted) return momentOf(dotted[3], dotted[2], dotted[1], dotted[4]);
  const parts = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/i.exec(text);
  if (parts) return momentOf(parts[1], parts[2], parts[3], parts[4]?.replace(',', '.'), parts[5]);
  const http = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}:\d{2}:\d{2}) (?:GMT|([+-]\d{4}))$/i.exec(text);
  if (http) return momentOf(http[3], String(months.indexOf((http[2] ?? '').toLowerCase()) + 1), http[1], http[4], http[5]);
  return undefined;
}

/**
 * A date without marks (yyyyMMdd, HHmm and ss after it), or Unix time: seconds below 10^11, else milliseconds. What begins with a year of 1900 to 2199 and is as long
 * as such a date is one or nothing, because as Unix time it would be of 1970 or 1976. Of 14 digits any year will do: as milliseconds they are centuries away.
 */
function fromDigits(number: number, text: string, onlyDate = false): string | undefined {
  const [, year, month, day, hour = '00', minute = '00', second = '00'] = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?$/.exec(text) ?? [];
  if (year !== undefined) {
    const date = momentOf(year, month, day, `${hour}:${minute}:${second}`);
    if (onlyDate || /^(19|20|21)/.test(year) || (text.length === 14 && date !== undefined)) return date;
  }
  return onlyDate ? undefined : iso(Math.abs(number) < 1e11 ? number * 1000 : number);
}

/** Undefined where there is no such day: a parser would go on into the next month. */
function momentOf(year = '', month = '', day = '', time = '00:00', zone = 'Z'): string | undefined {
  // The calendar repeats itself after 400 years; Date.UTC takes years below 100 for others.
  const lastDay = new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate();
  if (Number(day) > lastDay) return undefined;
  return iso(Date.parse(`${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}T${time}${zone.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`));
}

const iso = (ms: number): string | undefined => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined);
