import { BSON } from 'mongodb';
import type { VersionDocument } from './documents.ts';

/** An item of a state: its data is known by its hash, `since` is the position where it began. */
export interface StateItem {
  readonly key: string;
  readonly hash: string;
  readonly since: string;
  readonly data: unknown;
  /** The data as JSON text, where that is how it was stored: whoever writes JSON need not make an object of it. */
  readonly json?: string;
  /** The data as a BSON document, where that is how it was stored. */
  readonly bson?: Buffer;
}

/** An item as it was read: its data becomes an object only when it is asked for. */
export class StoredItem implements StateItem {
  readonly key: string;
  readonly hash: string;
  readonly since: string;
  declare readonly json?: string;
  declare readonly bson?: Buffer;

  constructor(key: string, hash: string, since: string, stored: string | Buffer) {
    this.key = key;
    this.hash = hash;
    this.since = since;
    if (typeof stored === 'string') this.json = stored;
    else this.bson = stored;
  }

  get data(): unknown {
    return this.json === undefined ? BSON.deserialize(this.bson ?? Buffer.alloc(0)) : (JSON.parse(this.json) as unknown);
  }
}

/** A log entry as it came from the server: its data is left as bytes, because most readers only pass it on. */
export interface RawEntry {
  readonly key: string;
  readonly from: string;
  readonly item: StateItem | undefined;
}

/** Reads a log entry's bytes, as storage writes them: an id of three strings, then strings, a document and a flag. Anything else is read the slow way. */
export function readRawEntry(bytes: Buffer): RawEntry {
  let key: string | undefined;
  let from: string | undefined;
  let hash = '';
  let since: string | undefined;
  let data: Buffer | undefined;
  for (let at = 4; bytes[at] !== 0;) {
    const type = bytes[at];
    // Names are told apart by their first letters: `_id`, `hash`, `data`, `since`, `removed`.
    const name = bytes[at + 1];
    const value = bytes.indexOf(0, at + 1) + 1;
    if (type === string) {
      const size = bytes.readInt32LE(value);
      if (name === letter.h) hash = textAt(bytes, value, size);
      else if (name === letter.s) since = textAt(bytes, value, size);
      at = value + 4 + size;
    } else if (type === document) {
      const size = bytes.readInt32LE(value);
      if (name === letter.d) data = bytes.subarray(value, value + size);
      else if (name === letter.underscore) [, key, from] = stringsOf(bytes, value);
      at = value + size;
    } else if (type === flag && name === letter.r) {
      at = value + 1;
    } else return readSlowly(bytes);
  }
  if (key === undefined || from === undefined) return readSlowly(bytes);
  return { key, from, item: data ? new StoredItem(key, hash, since ?? from, data) : undefined };
}

const [string, document, flag] = [0x02, 0x03, 0x08];
const letter = { h: 0x68, s: 0x73, d: 0x64, r: 0x72, underscore: 0x5f } as const;

/** The text of a BSON string whose length (with its NUL) is known. */
const textAt = (bytes: Buffer, value: number, size: number): string => bytes.toString('utf8', value + 4, value + 3 + size);

/** The strings of a document of one-letter names. */
function stringsOf(bytes: Buffer, start: number): string[] {
  const strings: string[] = [];
  for (let at = start + 4; bytes[at] === string;) {
    const size = bytes.readInt32LE(at + 3);
    strings.push(textAt(bytes, at + 3, size));
    at += 7 + size;
  }
  return strings;
}

function readSlowly(bytes: Buffer): RawEntry {
  const { _id: { k: key, f: from }, removed, hash = '', since = from, data } = BSON.deserialize(bytes) as VersionDocument;
  return { key, from, item: removed ? undefined : { key, hash, since, data } };
}
