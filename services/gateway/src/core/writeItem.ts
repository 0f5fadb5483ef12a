import type { JsonWriter } from './jsonWriter.ts';
import { stringifyValue } from './stringifyValue.ts';
import { pickFields } from './fieldTree.ts';
import { endOfBsonValue, endOfName, writeBson, writeBsonValue, type FieldTree } from './writeBson.ts';

/**
 * An item as the database gives it: where its document begins in some bytes, or an object. One of the past may have its data as it was stored,
 * as JSON text or as a BSON document, and makes `data` only when that is asked for.
 */
export type WritableItem = { readonly bson: Buffer; readonly at: number } | { readonly key: string; readonly since: string; readonly data: unknown; readonly json?: string; readonly bson?: Buffer };

/** Writes an item as `{"key": …, "data": …, "since": …}`; with `fields` only those of its data. */
export function writeItem(out: JsonWriter, item: WritableItem, fields?: FieldTree): void {
  if ('at' in item) writeStored(out, item, fields);
  else {
    out.ascii('{"key":');
    out.string(item.key);
    out.ascii(',"data":');
    if (item.bson !== undefined) writeBson(out, item.bson, 0, fields);
    else if (item.json !== undefined && fields === undefined) out.text(item.json);
    else out.text(stringifyValue(fields ? pickFields(item.data, fields) : item.data));
    out.ascii(',"since":"');
    out.ascii(item.since.slice(0, barOf(item.since)));
    out.ascii('"}');
  }
}

function writeStored(out: JsonWriter, { bson, at: start }: { readonly bson: Buffer; readonly at: number }, fields: FieldTree | undefined): void {
  let key = -1;
  let since = -1;
  let data = -1;
  let dataType = 0x0a;
  for (let at = start + 4; bson[at] !== 0;) {
    const type = bson[at] as number;
    const nameEnd = endOfName(bson, at + 1);
    const length = nameEnd - at - 1;
    // Names are told apart by their length and first letter: `_id`, `key`, `hash`, `data`, `since`.
    if (length === 3 && bson[at + 1] === 0x6b) key = nameEnd + 1;
    else if (length === 5 && bson[at + 1] === 0x73) since = nameEnd + 1;
    else if (length === 4 && bson[at + 1] === 0x64) {
      data = nameEnd + 1;
      dataType = type;
    }
    at = endOfBsonValue(bson, type, nameEnd + 1);
  }
  if (key < 0 || since < 0 || data < 0) throw new RangeError('expected a stored item with key, since and data');
  out.ascii('{"key":');
  writeBsonValue(out, bson, 0x02, key);
  out.ascii(',"data":');
  writeBsonValue(out, bson, dataType, data, fields);
  out.ascii(',"since":');
  out.utf8(bson, since + 4, bson.indexOf(bar, since + 4));
  out.byte(0x7d);
}

const bar = 0x7c;
const barOf = (position: string): number => position.indexOf('|');
