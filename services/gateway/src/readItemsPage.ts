import {
  atOneTime, BSON, epochAt, findMoment, historyCollectionsOf, itemId, itemRange, readKnown, streamState,
  type ClientSession, type Database, type HeadDocument, type HistoryCollections, type Moment, type MomentRequest, type SnapshotDocument,
} from '@gleaner/database';

/** An item as its stored bytes (latest) or as an object (the past); `since` is a position. */
export type PageRow = { readonly bson: Buffer } | { readonly key: string; readonly since: string; readonly data: unknown };

export interface RowsPage {
  /** In the order of their keys' UTF-8 bytes. */
  readonly rows: readonly PageRow[];
  readonly head: HeadDocument;
  /** The snapshot that was read; absent where the dataset has none yet. */
  readonly row?: SnapshotDocument;
  readonly latest: boolean;
  /** Last key that was looked at, where more follow. */
  readonly next?: string;
}

interface Reading {
  readonly database: Database;
  readonly history: HistoryCollections;
  readonly session: ClientSession;
  readonly moment: Moment & { readonly row: SnapshotDocument };
  readonly after: string | undefined;
  readonly limit: number;
  /** Over documents that hold an item's data under `data`. */
  readonly filter: Readonly<Record<string, unknown>> | undefined;
  /** A page ends early once it holds so many bytes, or has taken so long: the next one goes on there. */
  readonly maxBytes: number;
  readonly maxMs: number;
}

type Part = Pick<RowsPage, 'rows' | 'next'>;

/**
 * A page of items at any moment, read with its head at one time. Latest items come as BSON bytes, so that nobody makes objects of them.
 * With a filter (or very large items) a page may hold fewer than `limit` although more follow. Throws HistoryError.
 */
export async function readItemsPage({ database, dataset, after, limit, keys, filter, maxBytes = 32 * 1024 ** 2, maxMs = 3_000, ...request }: MomentRequest & {
  readonly database: Database; readonly dataset: string; readonly after?: string | undefined; readonly limit: number;
  /** Just these, without paging. */
  readonly keys?: readonly string[] | undefined;
  readonly filter?: Readonly<Record<string, unknown>> | undefined;
  readonly maxBytes?: number; readonly maxMs?: number;
}): Promise<RowsPage> {
  const history = historyCollectionsOf(database.db);
  return await atOneTime({ database }, async (session) => {
    const moment = await findMoment({ history, session, dataset, ...request });
    const { head, row, latest } = moment;
    if (row === undefined) return { rows: [], head, latest };
    const reading: Reading = { database, history, session, moment: { ...moment, row }, after, limit, filter, maxBytes, maxMs };
    const part = keys !== undefined ? { rows: await readKeys(reading, [...new Set(keys)]) } : latest ? await readLatest(reading) : await readPast(reading);
    return { ...part, head, row, latest };
  });
}

async function readLatest({ history, session, moment, after, limit, filter, maxBytes, maxMs }: Reading): Promise<Part> {
  const cursor = history.items.find(
    { _id: itemRange(moment.head.generation ?? '', { after }) as never, ...filter },
    { sort: { _id: 1 }, limit: limit + 1, batchSize: limit + 1, raw: true, session, ...(filter === undefined ? {} : { maxTimeMS: maxMs * 5 }) },
  );
  const rows: { bson: Buffer }[] = [];
  let bytes = 0;
  try {
    for await (const document of cursor as unknown as AsyncIterable<Buffer>) {
      // The bytes are a view into the server's answer, which stays whole as long as the page does.
      if (rows.length === limit || bytes > maxBytes) return { rows, next: keyOf(rows.at(-1)) };
      rows.push({ bson: document });
      bytes += document.length;
    }
  } finally {
    await cursor.close();
  }
  return { rows };
}

const keyOf = (row: { readonly bson: Buffer } | undefined): string => (row === undefined ? '' : (BSON.deserialize(row.bson) as { key: string }).key);

async function readPast({ database, history, session, moment: { row, head }, after, limit, filter, maxBytes, maxMs }: Reading): Promise<Part> {
  const epoch = await epochAt({ history, session, dataset: head._id, position: row.position });
  const rows: Exclude<PageRow, { bson: Buffer }>[] = [];
  if (epoch === null) return { rows };
  const started = performance.now();
  let bytes = 0;
  let seen: string | undefined;
  for await (const chunk of streamState({ history, session, epoch, at: row.position, after, expect: limit + 1 })) {
    if (seen !== undefined && performance.now() - started > maxMs) return { rows, next: seen };
    const kept = filter === undefined ? chunk : await matching({ database, items: chunk, filter });
    for (const { key, since, data } of kept) {
      if (rows.length === limit || bytes > maxBytes) return { rows, next: rows.at(-1)?.key ?? '' };
      rows.push({ key, since, data });
      bytes += roughSize(data);
    }
    seen = chunk.at(-1)?.key ?? seen;
  }
  return { rows };
}

async function readKeys({ database, history, session, moment: { head, row, latest }, filter }: Reading, keys: readonly string[]): Promise<PageRow[]> {
  if (latest) {
    const cursor = history.items.find({ _id: { $in: keys.map((key) => itemId(head.generation ?? '', key)) }, ...filter }, { sort: { _id: 1 }, raw: true, session });
    return ((await cursor.toArray()) as unknown as Buffer[]).map((bson) => ({ bson }));
  }
  const epoch = await epochAt({ history, session, dataset: head._id, position: row.position });
  if (epoch === null) return [];
  const known = await readKnown({ history, session, epoch, at: row.position, keys });
  const items = [...known].map(([key, { since, data }]) => ({ key, since, data })).toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  return filter === undefined ? items : await matching({ database, items, filter });
}

const askBytes = 8 * 1024 ** 2;

/**
 * The items that match, by the database's own judgement: what a query means is then the same in the past as it is in the latest state.
 * The items are sent as literals, a few MB at a time.
 */
async function matching<T extends { readonly key: string; readonly data?: unknown }>({ database, items, filter }: { readonly database: Database; readonly items: readonly T[]; readonly filter: Readonly<Record<string, unknown>> }): Promise<T[]> {
  const matched: T[] = [];
  for (let start = 0; start < items.length;) {
    const documents: { i: number; data: unknown }[] = [];
    for (let size = 0; start < items.length && (size < askBytes || documents.length === 0); start += 1) {
      const document = { i: start, data: items[start]?.data };
      size += BSON.calculateObjectSize(document);
      documents.push(document);
    }
    const found = await database.db.aggregate<{ i: number }>([{ $documents: { $literal: documents } }, { $match: filter }, { $project: { i: 1 } }]).toArray();
    for (const { i } of found) matched.push(items[i] as T);
  }
  return matched;
}

/** Cheap and only roughly right: it decides when a page is full, nothing else. */
function roughSize(value: unknown): number {
  if (typeof value === 'string') return value.length + 8;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 16;
  for (const inner of Object.values(value)) size += roughSize(inner) + 8;
  return size;
}
