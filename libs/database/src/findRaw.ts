import type { ClientSession, Db, Document } from 'mongodb';

/** Where a document begins in the bytes of a server's answer; its first four bytes (little-endian) are its size. */
export interface BsonSpan {
  readonly bson: Buffer;
  readonly at: number;
}

export interface RawPage {
  /** Views into one answer of the server: they keep all of it in memory, and copy nothing. */
  readonly documents: readonly BsonSpan[];
  /** The server had more for this filter and limit than one answer holds (16 MB). */
  readonly cut: boolean;
}

/**
 * One answer of a `find` as bytes: the driver makes no object for any document, which is most of what reading a large page costs
 * (with its own `raw` it still looks into each). Not repeated after a network error, unlike other reads.
 */
export async function findRaw({ db, collection, filter, sort, limit, session, maxTimeMS }: {
  readonly db: Db; readonly collection: string; readonly filter: Document; readonly sort: Document; readonly limit: number; readonly session?: ClientSession | undefined; readonly maxTimeMS?: number | undefined;
}): Promise<RawPage> {
  const command = { find: collection, filter, sort, limit, batchSize: limit, ...(maxTimeMS === undefined ? {} : { maxTimeMS }) };
  const { cursor } = (await db.command(command, { raw: true, ...(session ? { session } : {}) })) as { cursor: Buffer };
  let documents: BsonSpan[] = [];
  let cut = false;
  for (let at = 4; cursor[at] !== 0;) {
    const type = cursor[at] as number;
    const nameEnd = cursor.indexOf(0, at + 1);
    const name = cursor.toString('latin1', at + 1, nameEnd);
    at = nameEnd + 1;
    if (type === 0x04 && name === 'firstBatch') documents = documentsOf(cursor, at);
    if (type === 0x12 && name === 'id' && cursor.readBigInt64LE(at) !== 0n) {
      cut = true;
      const id = cursor.readBigInt64LE(at);
      // Whoever goes on asks anew from the last key. Without the session, whose read concern this command does not take.
      void db.command({ killCursors: collection, cursors: [id] }).catch(() => undefined); // its time-out ends it as well
    }
    at = type === 0x12 || type === 0x11 ? at + 8 : type === 0x02 ? at + 4 + cursor.readInt32LE(at) : type === 0x08 ? at + 1 : at + cursor.readInt32LE(at);
  }
  return { documents, cut };
}

function documentsOf(bytes: Buffer, array: number): BsonSpan[] {
  const documents: BsonSpan[] = [];
  for (let at = array + 4; bytes[at] !== 0;) {
    const start = bytes.indexOf(0, at + 1) + 1;
    documents.push({ bson: bytes, at: start });
    at = start + bytes.readInt32LE(start);
  }
  return documents;
}
