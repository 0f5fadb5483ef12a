import {
  atOneTime, BSON, findMoment, findRaw, HistoryError, historyCollectionsOf, isDatabaseAway, itemId, itemRange, MongoServerError, readKnown, roughSize, streamState,
  type BsonSpan, type ClientSession, type Database, type EpochStart, type HeadDocument, type HistoryCollections, type KeyframeCache, type MomentRequest, type StateItem,
} from '@gleaner/database';
import { ProblemError } from './core/problem.ts';

/** An item as its stored bytes (latest), or with its data as it was stored (the past: text or bytes, an object only when it is asked for); `since` is a position. */
export type PageRow = BsonSpan | PastItem;
type PastItem = Pick<StateItem, 'key' | 'since' | 'data' | 'json' | 'bson'>;

/** The snapshot that a page shows. */
export interface PageSnapshot {
  readonly position: string;
  readonly run: string;
  readonly observedAt: Date;
  readonly total: number;
}

export interface RowsPage {
  /** In the order of their keys' UTF-8 bytes. */
  readonly rows: readonly PageRow[];
  readonly rev: number;
  /** Absent where the dataset has none yet. */
  readonly snapshot?: PageSnapshot;
  /** Last key that was looked at, where more follow. */
  readonly next?: string;
}

interface Reading {
  readonly database: Database;
  readonly keyframes: KeyframeCache | undefined;
  readonly history: HistoryCollections;
  readonly session: ClientSession;
  readonly head: HeadDocument;
  readonly snapshot: PageSnapshot;
  readonly latest: boolean;
  /** What holds the moment, where it is not the latest. */
  readonly epoch: EpochStart | undefined;
  readonly after: string | undefined;
  readonly limit: number;
  /** Over documents that hold an item's data under `data`. */
  readonly filter: Readonly<Record<string, unknown>> | undefined;
  /** A page of the past ends early once it holds so many bytes, or has taken so long: the next one goes on there. The latest ends with one answer of the server. */
  readonly maxBytes: number;
  readonly maxMs: number;
}

type Part = Pick<RowsPage, 'rows' | 'next'>;

/**
 * A page of items at any moment, read with its head at one time. Latest items come as BSON bytes, so that nobody makes objects of them.
 * With a filter (or very large items) a page may hold fewer than `limit` although more follow. Throws HistoryError.
 */
export async function readItemsPage({ database, keyframes, dataset, after, limit, keys, filter, maxBytes = 32 * 1024 ** 2, maxMs = 3_000, ...request }: MomentRequest & {
  readonly database: Database; readonly keyframes?: KeyframeCache; readonly dataset: string; readonly after?: string | undefined; readonly limit: number;
  /** Just these, without paging. */
  readonly keys?: readonly string[] | undefined;
  readonly filter?: Readonly<Record<string, unknown>> | undefined;
  readonly maxBytes?: number; readonly maxMs?: number;
}): Promise<RowsPage> {
  const history = historyCollectionsOf(database.db);
  return await atOneTime({ database }, async (session) => {
    const { head, snapshot, latest, epoch } = await findSnapshot({ history, session, dataset, ...request });
    if (snapshot === undefined) return { rows: [], rev: head.rev };
    const reading: Reading = { database, keyframes, history, session, head, snapshot, latest, epoch, after, limit, filter, maxBytes, maxMs };
    const part = keys !== undefined ? { rows: await readKeys(reading, [...new Set(keys)]) } : latest ? await readLatest(reading) : await readPast(reading);
    return { ...part, rev: head.rev, snapshot };
  });
}

/** The head knows all of the newest snapshot that a page says: the latest page reads nothing else beside its items. */
async function findSnapshot({ history, session, dataset, at, run, pinned }: MomentRequest & { readonly history: HistoryCollections; readonly session: ClientSession; readonly dataset: string }): Promise<{ head: HeadDocument; snapshot?: PageSnapshot; latest: boolean; epoch: EpochStart | undefined }> {
  if (at === undefined && run === undefined && pinned === undefined) {
    const head = await history.heads.findOne({ _id: dataset }, { session });
    expectAlive(head);
    if (head !== null && head.sweptAt === undefined && head.position !== undefined && head.run !== undefined && head.observedAt !== undefined && head.total !== undefined)
      return { head, latest: true, epoch: undefined, snapshot: { position: head.position, run: head.run, observedAt: head.observedAt, total: head.total } };
  }
  const { head, row, latest, epoch } = await findMoment({ history, session, dataset, at, run, pinned });
  expectAlive(head);
  return { head, latest, epoch, ...(row ? { snapshot: { position: row.position, run: row.run, observedAt: row.observedAt, total: row.counts.total } } : {}) };
}

/** Nobody reads the data of a deleted job: its head says so in the transaction that deletes it. */
function expectAlive(head: HeadDocument | null): void {
  if (head?.deleted) throw new HistoryError('no_dataset', `expected a living dataset; the job of ${head._id} is deleted`, { dataset: head._id });
}

async function readLatest({ database, session, head, after, limit, filter, maxMs }: Reading): Promise<Part> {
  const { documents, cut } = await understood(filter, async () => await findRaw({
    db: database.db, collection: 'items', session, limit: limit + 1, sort: { _id: 1 }, filter: { _id: itemRange(head.generation ?? '', { after }), ...filter },
    ...(filter === undefined ? {} : { maxTimeMS: maxMs * 5 }),
  }));
  if (documents.length <= limit && !cut) return { rows: documents };
  const rows = documents.slice(0, limit);
  return { rows, next: keyOf(rows.at(-1)) };
}

const keyOf = (span: BsonSpan | undefined): string => (span === undefined ? '' : (BSON.deserialize(span.bson.subarray(span.at, span.at + span.bson.readInt32LE(span.at))) as { key: string }).key);

async function readPast({ database, keyframes, history, session, epoch, snapshot, after, limit, filter, maxBytes, maxMs }: Reading): Promise<Part> {
  const rows: PastItem[] = [];
  if (epoch === undefined) return { rows };
  const started = performance.now();
  let bytes = 0;
  let seen: string | undefined;
  for await (const chunk of streamState({ history, session, epoch, at: snapshot.position, after, expect: limit + 1, cache: keyframes })) {
    if (seen !== undefined && performance.now() - started > maxMs) return { rows, next: seen };
    const kept = filter === undefined ? chunk : await matching({ database, items: chunk, filter });
    for (const item of kept) {
      if (rows.length === limit || bytes > maxBytes) return { rows, next: rows.at(-1)?.key ?? '' };
      rows.push(item);
      bytes += item.json?.length ?? item.bson?.length ?? roughSize(item.data);
    }
    seen = chunk.at(-1)?.key ?? seen;
  }
  return { rows };
}

async function readKeys({ database, history, session, head, snapshot, latest, epoch, filter }: Reading, keys: readonly string[]): Promise<PageRow[]> {
  if (latest) {
    const filtered = { _id: { $in: keys.map((key) => itemId(head.generation ?? '', key)) }, ...filter };
    const { documents, cut } = await understood(filter, async () => await findRaw({ db: database.db, collection: 'items', session, limit: keys.length, sort: { _id: 1 }, filter: filtered }));
    if (cut) throw new ProblemError('bad_query', 'these items are too large for one answer; ask for fewer keys');
    return [...documents];
  }
  if (epoch === undefined) return [];
  const known = await readKnown({ history, session, epoch, at: snapshot.position, keys });
  const items = [...known].map(([key, { since, data }]) => ({ key, since, data })).toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  return filter === undefined ? items : await matching({ database, items, filter });
}

const askBytes = 8 * 1024 ** 2;
const askMs = 15_000;
const maxTimeExpired = 50;

/** The server's own faults with a filter (a pattern that PCRE refuses, a query that takes too long) are faults of who asked. */
async function understood<T>(filter: Readonly<Record<string, unknown>> | undefined, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (filter === undefined || !(error instanceof MongoServerError) || (isDatabaseAway(error) && error.code !== maxTimeExpired)) throw error;
    const message = error.code === maxTimeExpired ? 'where: the query took too long; narrow it, or ask for a smaller limit' : `where: ${error.message}`;
    throw new ProblemError('bad_query', message, { faults: [{ path: 'where', code: error.code === maxTimeExpired ? 'too_slow' : 'bad_where', message }], cause: error });
  }
}

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
    const found = await understood(filter, async () => await database.db.aggregate<{ i: number }>([{ $documents: { $literal: documents } }, { $match: filter }, { $project: { i: 1 } }], { maxTimeMS: askMs }).toArray());
    for (const { i } of found) matched.push(items[i] as T);
  }
  return matched;
}
