import { compilePath, parsePath } from '@gleaner/contracts';
import { BSON } from '@gleaner/database';
import { csvCell, csvColumns, csvRow } from './core/csv.ts';
import type { JsonWriter } from './core/jsonWriter.ts';
import { stringifyValue } from './core/stringifyValue.ts';
import type { FieldTree } from './core/writeBson.ts';
import { writeItem, type WritableItem } from './core/writeItem.ts';

export const itemTypes = ['application/json', 'application/x-ndjson', 'text/csv'] as const;
export type ItemType = (typeof itemTypes)[number];

/** What a JSON page says beside its items. */
export interface PageFacts {
  readonly at: string;
  readonly snapshot?: string | undefined;
  readonly total?: number | undefined;
  readonly next?: string | undefined;
}

/** The bytes of a page of items in one of the three types. `out` is written anew; the bytes are a copy. */
export function itemsBody({ type, rows, facts, fields, fieldPaths, out }: {
  readonly type: ItemType; readonly rows: readonly WritableItem[]; readonly facts: PageFacts;
  readonly fields: FieldTree | undefined; readonly fieldPaths: readonly string[] | undefined; readonly out: JsonWriter;
}): Buffer {
  out.reset();
  if (type === 'text/csv') return Buffer.from(csvOf({ rows, fieldPaths }));
  if (type === 'application/x-ndjson') {
    for (const row of rows) {
      writeItem(out, row, fields);
      out.byte(0x0a);
    }
    return out.copy();
  }
  out.ascii('{"items":[');
  for (const [index, row] of rows.entries()) {
    if (index > 0) out.byte(0x2c);
    writeItem(out, row, fields);
  }
  out.byte(0x5d);
  for (const [name, value] of Object.entries(facts)) if (value !== undefined) out.text(`,"${name}":${stringifyValue(value)}`);
  out.byte(0x7d);
  return out.copy();
}

/** Columns: key, since, then the fields asked for, or every property that an item of the page has. */
function csvOf({ rows, fieldPaths }: { readonly rows: readonly WritableItem[]; readonly fieldPaths: readonly string[] | undefined }): string {
  const items = rows.map(objectOf);
  const plain = items.some(({ data }) => typeof data !== 'object' || data === null || Array.isArray(data));
  const columns = fieldPaths ?? (plain ? [] : csvColumns(items.map(({ data }) => data)));
  // A property that is called as one of our columns says where it is from.
  const names = columns.map((name) => (name === 'key' || name === 'since' ? `data.${name}` : name));
  const readers = fieldPaths?.map((path) => compilePath(parsePath(path))) ?? columns.map((name) => compilePath([name]));
  const lines = [csvRow(['key', 'since', ...(columns.length === 0 && plain ? ['data'] : names)])];
  for (const { key, since, data } of items) {
    const cells = columns.length === 0 && plain ? [csvCell(data)] : readers.map((read) => csvCell(read(data)));
    lines.push(csvRow([key, since, ...cells]));
  }
  return lines.join('');
}

function objectOf(item: WritableItem): { readonly key: string; readonly since: string; readonly data: unknown } {
  // Longs and decimals stay what they are, so that no digit is lost on the way to the text.
  const { key, since, data } = 'at' in item ? (BSON.deserialize(item.bson.subarray(item.at, item.at + item.bson.readInt32LE(item.at)), { promoteLongs: false }) as { key: string; since: string; data: unknown }) : item;
  return { key, since: since.slice(0, since.indexOf('|')), data };
}
