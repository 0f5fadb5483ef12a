import type { ClientSession } from 'mongodb';
import { BSON } from 'mongodb';
import type { Database } from '../connectDatabase.ts';
import { atOneTime } from './atOneTime.ts';
import type { HeadDocument, ItemDocument, SnapshotDocument } from './documents.ts';
import { historyCollectionsOf, type HistoryCollections } from './historyCollections.ts';
import { itemId, itemRange } from './historyIds.ts';
import type { KeyframeCache } from './keyframeCache.ts';
import { findMoment, type Moment, type MomentRequest } from './moment.ts';
import { readKnown, withSession } from './readKnown.ts';
import type { StateItem } from './storedItem.ts';
import { streamState } from './streamState.ts';

/**
 * An item as an object, or, asked for with `raw`: of the latest state the BSON document it is stored as (with `key`, `since` (a position) and `data`),
 * of the past what was stored of its data (`json` or `bson`), which becomes an object only when `data` is asked for.
 */
export type PageItem = { readonly key: string; readonly since: string; readonly data: unknown } | StateItem | { readonly bson: Buffer };

export interface ItemsPage {
  /** In the order of their keys' UTF-8 bytes. */
  readonly items: readonly PageItem[];
  /** The moment read; absent where the dataset has no snapshot yet. */
  readonly position?: string;
  readonly observedAt?: Date;
  readonly run?: string;
  /** Items at that moment. */
  readonly total?: number;
  /** The head's `rev`: with `position` it pins the pages that follow. */
  readonly rev: number;
  readonly latest: boolean;
  /** Last key of this page where more follow: the next page's `after`. */
  readonly next?: string;
  readonly head: HeadDocument;
}

/**
 * One page of items at any moment, read with its head at one time. The cost is the page's, not the history's.
 * `keys` asks for just those (no paging). Throws HistoryError: before_first, swept, history_changed, no_snapshot, no_dataset.
 */
export async function readItems({ database, dataset, after, limit, keys, raw = false, cache, ...request }: MomentRequest & {
  readonly database: Pick<Database, 'client' | 'db'>; readonly dataset: string; readonly after?: string | undefined; readonly limit: number;
  readonly keys?: readonly string[] | undefined;
  /** Items come as they are stored, and no objects are made of them. */
  readonly raw?: boolean;
  /** Keeps blocks of the past for the pages that follow. */
  readonly cache?: KeyframeCache | undefined;
}): Promise<ItemsPage> {
  const history = historyCollectionsOf(database.db);
  return await atOneTime({ database }, async (session) => {
    const moment = await findMoment({ history, session, dataset, ...request });
    const { head, row, latest } = moment;
    const about = { rev: head.rev, latest, head, ...(row ? { position: row.position, observedAt: row.observedAt, run: row.run, total: row.counts.total } : {}) };
    if (row === undefined) return { ...about, items: [], total: 0 };
    if (keys !== undefined) return { ...about, items: await readKeys({ history, session, moment, keys: [...new Set(keys)] }) };
    const { items, last } = latest
      ? await readLatest({ history, session, generation: head.generation ?? '', after, limit, raw })
      : await readPast({ history, session, moment: { ...moment, row }, after, limit, raw, cache });
    return { ...about, items, ...(last === undefined ? {} : { next: last }) };
  });
}

type PageRead = Promise<{ readonly items: readonly PageItem[]; readonly last?: string | undefined }>;

async function readLatest({ history, session, generation, after, limit, raw }: { history: HistoryCollections; session: ClientSession; generation: string; after: string | undefined; limit: number; raw: boolean }): PageRead {
  const options = { sort: { _id: 1 }, limit: limit + 1, batchSize: limit + 2, session } as const;
  const filter = { _id: itemRange(generation, { after }) as never };
  if (!raw) {
    const found = await history.items.find(filter, options).toArray();
    const page = found.slice(0, limit);
    return { items: page.map(({ key, since, data }) => ({ key, since, data })), last: found.length > limit ? page.at(-1)?.key : undefined };
  }
  // With `raw` the driver hands out each document's bytes as they came.
  const found = (await history.items.find(filter, { ...options, raw: true }).toArray()) as unknown as Buffer[];
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { items: page.map((bson) => ({ bson })), last: found.length > limit && last ? (BSON.deserialize(last) as ItemDocument).key : undefined };
}

async function readPast({ history, session, moment: { row: { position }, epoch }, after, limit, raw, cache }: { history: HistoryCollections; session: ClientSession; moment: Moment & { readonly row: SnapshotDocument }; after: string | undefined; limit: number; raw: boolean; cache: KeyframeCache | undefined }): PageRead {
  const items: PageItem[] = [];
  if (epoch === undefined) return { items };
  let last: string | undefined;
  for await (const chunk of streamState({ history, session, epoch, at: position, after, expect: limit + 1, cache }))
    for (const item of chunk) {
      if (items.length === limit) return { items, last };
      items.push(raw ? item : { key: item.key, since: item.since, data: item.data });
      last = item.key;
    }
  return { items };
}

async function readKeys({ history, session, moment: { head, row, latest, epoch }, keys }: { history: HistoryCollections; session: ClientSession; moment: Moment; keys: readonly string[] }): Promise<PageItem[]> {
  if (latest) {
    const found = await history.items.find({ _id: { $in: keys.map((key) => itemId(head.generation ?? '', key)) } }, { sort: { _id: 1 }, ...withSession(session) }).toArray();
    return found.map(({ key, since, data }) => ({ key, since, data }));
  }
  if (epoch === undefined || row === undefined) return [];
  const known = await readKnown({ history, session, epoch, at: row.position, keys });
  return [...known].map(([key, { since, data }]) => ({ key, since, data })).toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}
