import { decimal128Text } from './decimal128Text.ts';
import type { JsonWriter } from './jsonWriter.ts';

/** Which properties of a document to write: name → all of it, or only these of its own. Absent = everything. */
export interface FieldTree {
  readonly [name: string]: true | FieldTree;
}

/**
 * Writes the BSON document that begins at `offset` as a JSON object, without making objects of it; the offset after it.
 * Doubles as JavaScript prints them (but `-0`, and texts for NaN and the infinities), int64 and Decimal128 to the last digit,
 * dates as ISO 8601 with ms, and every type that JSON does not know as Extended JSON (`{"$oid": …}`, `{"$binary": …}`).
 * Throws a RangeError for bytes that are no BSON: the database does not store such.
 */
export function writeBson(out: JsonWriter, bytes: Buffer, offset = 0, fields?: FieldTree): number {
  return writeContainer(out, bytes, offset, false, fields);
}

/** Writes one value of this BSON type; the offset after it. */
export function writeBsonValue(out: JsonWriter, bytes: Buffer, type: number, offset: number, fields?: FieldTree): number {
  switch (type) {
    case 0x01: out.double(bytes.readDoubleLE(offset)); return offset + 8;
    case 0x02: {
      const size = bytes.readInt32LE(offset);
      out.utf8(bytes, offset + 4, offset + 4 + size - 1);
      return offset + 4 + size;
    }
    case 0x03: return writeContainer(out, bytes, offset, false, fields);
    case 0x04: return writeContainer(out, bytes, offset, true, fields);
    case 0x08: out.ascii(bytes[offset] === 0 ? 'false' : 'true'); return offset + 1;
    case 0x09: writeDate(out, bytes.readBigInt64LE(offset)); return offset + 8;
    case 0x0a: out.ascii('null'); return offset;
    case 0x10: out.integer(bytes.readInt32LE(offset)); return offset + 4;
    case 0x12: writeLong(out, bytes, offset); return offset + 8;
    case 0x13: writeDecimal(out, bytes, offset); return offset + 16;
    default: return writeExtended(out, bytes, type, offset);
  }
}

/** The end of a value of this type: where the next element begins. */
export function endOfBsonValue(bytes: Buffer, type: number, offset: number): number {
  switch (type) {
    case 0x01: case 0x09: case 0x11: case 0x12: return offset + 8;
    case 0x02: case 0x0d: case 0x0e: return offset + 4 + bytes.readInt32LE(offset);
    case 0x03: case 0x04: case 0x0f: return offset + bytes.readInt32LE(offset);
    case 0x05: return offset + 5 + bytes.readInt32LE(offset);
    case 0x06: case 0x0a: case 0x7f: case 0xff: return offset;
    case 0x07: return offset + 12;
    case 0x08: return offset + 1;
    case 0x0b: return endOfName(bytes, endOfName(bytes, offset) + 1) + 1;
    case 0x0c: return offset + 4 + bytes.readInt32LE(offset) + 12;
    case 0x10: return offset + 4;
    case 0x13: return offset + 16;
    default: throw new RangeError(`expected a BSON type; saw 0x${type.toString(16)} at ${offset}`);
  }
}

/** Where a name (or any text that ends in NUL) ends: the offset of its NUL. */
export function endOfName(bytes: Buffer, offset: number): number {
  let end = offset;
  while (bytes[end] !== 0) {
    end += 1;
    if (end >= bytes.length) throw new RangeError(`expected the end of a BSON name that begins at ${offset}`);
  }
  return end;
}

function writeContainer(out: JsonWriter, bytes: Buffer, offset: number, isArray: boolean, fields: FieldTree | undefined): number {
  const end = offset + bytes.readInt32LE(offset);
  let at = offset + 4;
  let first = true;
  out.byte(isArray ? 0x5b : 0x7b);
  for (;;) {
    const type = bytes[at] as number;
    if (type === 0) break;
    const nameEnd = endOfName(bytes, at + 1);
    let inner: FieldTree | undefined;
    if (fields !== undefined) {
      // A path goes through a list to each of its elements, as a projection of MongoDB does.
      const wanted = isArray ? fields : Object.hasOwn(fields, nameOf(bytes, at + 1, nameEnd)) ? fields[nameOf(bytes, at + 1, nameEnd)] : undefined;
      if (wanted === undefined || (wanted !== true && type !== 0x03 && type !== 0x04)) {
        at = endOfBsonValue(bytes, type, nameEnd + 1);
        continue;
      }
      inner = wanted === true ? undefined : wanted;
    }
    if (!first) out.byte(0x2c);
    first = false;
    if (!isArray) {
      out.utf8(bytes, at + 1, nameEnd);
      out.byte(0x3a);
    }
    at = writeBsonValue(out, bytes, type, nameEnd + 1, inner);
  }
  if (at + 1 !== end) throw new RangeError(`expected a BSON document to end at ${end}; it ends at ${at + 1}`);
  out.byte(isArray ? 0x5d : 0x7d);
  return end;
}

const nameOf = (bytes: Buffer, start: number, end: number): string => bytes.toString('utf8', start, end);

function writeLong(out: JsonWriter, bytes: Buffer, offset: number): void {
  const high = bytes.readInt32LE(offset + 4);
  // Within ±2^53 a double holds it exactly.
  if (high >= -0x200000 && high < 0x200000) out.integer(high * 0x1_0000_0000 + bytes.readUInt32LE(offset));
  else out.ascii(bytes.readBigInt64LE(offset).toString());
}

function writeDate(out: JsonWriter, ms: bigint): void {
  const date = new Date(Number(ms));
  if (Number.isNaN(date.getTime())) out.ascii(`{"$date":{"$numberLong":"${ms}"}}`);
  else out.ascii(`"${date.toISOString()}"`);
}

function writeDecimal(out: JsonWriter, bytes: Buffer, offset: number): void {
  const text = decimal128Text(bytes.readBigUInt64LE(offset + 8), bytes.readBigUInt64LE(offset));
  out.ascii(/^-?\d/.test(text) ? text : `"${text}"`);
}

function writeExtended(out: JsonWriter, bytes: Buffer, type: number, offset: number): number {
  const end = endOfBsonValue(bytes, type, offset);
  const open = (name: string): void => out.ascii(`{"$${name}":`);
  switch (type) {
    case 0x05: {
      const size = bytes.readInt32LE(offset);
      out.ascii(`{"$binary":{"base64":"${bytes.toString('base64', offset + 5, offset + 5 + size)}","subType":"${hexByte(bytes[offset + 4] as number)}"}}`);
      return end;
    }
    case 0x06: out.ascii('{"$undefined":true}'); return end;
    case 0x07: out.ascii(`{"$oid":"${bytes.toString('hex', offset, end)}"}`); return end;
    case 0x0b: {
      const patternEnd = endOfName(bytes, offset);
      open('regularExpression');
      out.ascii('{"pattern":');
      out.utf8(bytes, offset, patternEnd);
      out.ascii(',"options":');
      out.utf8(bytes, patternEnd + 1, end - 1);
      out.ascii('}}');
      return end;
    }
    case 0x0c: {
      open('dbPointer');
      out.ascii('{"$ref":');
      out.utf8(bytes, offset + 4, end - 13);
      out.ascii(`,"$id":{"$oid":"${bytes.toString('hex', end - 12, end)}"}}}`);
      return end;
    }
    case 0x0d: case 0x0e:
      open(type === 0x0d ? 'code' : 'symbol');
      out.utf8(bytes, offset + 4, end - 1);
      out.byte(0x7d);
      return end;
    case 0x0f: {
      const size = bytes.readInt32LE(offset + 4);
      open('code');
      out.utf8(bytes, offset + 8, offset + 8 + size - 1);
      out.ascii(',"$scope":');
      writeContainer(out, bytes, offset + 8 + size, false, undefined);
      out.byte(0x7d);
      return end;
    }
    case 0x11: out.ascii(`{"$timestamp":{"t":${bytes.readUInt32LE(offset + 4)},"i":${bytes.readUInt32LE(offset)}}}`); return end;
    case 0xff: out.ascii('{"$minKey":1}'); return end;
    default: out.ascii('{"$maxKey":1}'); return end;
  }
}

const hexByte = (value: number): string => value.toString(16).padStart(2, '0');
