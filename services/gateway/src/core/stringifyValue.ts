/**
 * JSON text of a value as the database's driver gives it, by the same rules as `writeBson`: for answers that are small.
 * Long and Decimal128 are written to the last digit, dates as ISO, -0 as `-0`, NaN and infinities as texts; other BSON types as Extended JSON.
 * Properties that are undefined are left out.
 */
export function stringifyValue(value: unknown): string {
  // Most values are what JSON.stringify writes alike, and it is faster than any code here.
  return isPlain(value) ? JSON.stringify(value) : exactText(value);
}

/** True where JSON.stringify says all there is to say: no -0, no dates, no types of the database. */
function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string': case 'boolean': return true;
    case 'number': return Number.isFinite(value) && !Object.is(value, -0);
    case 'object': {
      if (value === null) return true;
      if (Array.isArray(value)) return value.every(isPlain);
      if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value || '_bsontype' in value) return false;
      for (const name in value) if (!isPlain((value as Readonly<Record<string, unknown>>)[name])) return false;
      return true;
    }
    default: return false;
  }
}

function exactText(value: unknown): string {
  switch (typeof value) {
    case 'string': return JSON.stringify(value);
    case 'number': return Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : `"${String(value)}"`;
    case 'bigint': return value.toString();
    case 'boolean': return value ? 'true' : 'false';
    case 'object': return value === null ? 'null' : ofObject(value);
    default: return 'null';
  }
}

function ofObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'null' : `"${value.toISOString()}"`;
  if (value instanceof Uint8Array) return `{"$binary":{"base64":"${Buffer.from(value).toString('base64')}","subType":"00"}}`;
  if (value instanceof RegExp) return `{"$regularExpression":{"pattern":${JSON.stringify(value.source)},"options":${JSON.stringify(value.flags)}}}`;
  if ('_bsontype' in value) return ofBsonType(value as { readonly _bsontype: string });
  const parts: string[] = [];
  for (const name of Object.keys(value)) {
    const inner = (value as Readonly<Record<string, unknown>>)[name];
    if (inner !== undefined && typeof inner !== 'function') parts.push(`${JSON.stringify(name)}:${exactText(inner)}`);
  }
  return `{${parts.join(',')}}`;
}

/** The driver's classes are known by their mark, not by `instanceof`: several copies of the class may be loaded. */
function ofBsonType(value: { readonly _bsontype: string }): string {
  switch (value._bsontype) {
    case 'Long': return String(value);
    case 'Int32': case 'Double': return exactText(Number((value as { readonly value?: unknown }).value));
    case 'Decimal128': {
      const text = String(value);
      return /^-?\d/.test(text) ? text : `"${text}"`;
    }
    default: return JSON.stringify(extendedOf(value));
  }
}

function extendedOf(value: { readonly _bsontype: string; readonly toExtendedJSON?: (options: { readonly relaxed: boolean; readonly legacy: boolean }) => unknown }): unknown {
  return value.toExtendedJSON ? value.toExtendedJSON({ relaxed: true, legacy: false }) : { [`$${value._bsontype}`]: String(value) };
}
