import type { ClientSession } from 'mongodb';
import type { Database } from '../connectDatabase.ts';
import { atOneTime } from './atOneTime.ts';
import type { HeadDocument, SnapshotDocument } from './documents.ts';
import { historyCollectionsOf, type HistoryCollections } from './historyCollections.ts';
import { itemRange } from './historyIds.ts';
import { findMoment, type Moment, type MomentRequest } from './moment.ts';
import { roughSize } from './roughSize.ts';
import { streamState } from './streamState.ts';

export interface PageItem {
  readonly key: string;
  /** Position where the data began. */
  readonly since: string;
  readonly data: unknown;
}

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

interface Source {
  readonly history: HistoryCollections;
  readonly session: ClientSession;
  readonly moment: Moment & { readonly row: SnapshotDocument };
  readonly after: string | undefined;
  readonly limit: number;
}

/**
 * One page of items at any moment, read with its head at one time. The cost is the page's, not the history's.
 * Throws HistoryError: before_first, swept, history_changed, no_snapshot, no_dataset.
 */
export async function readItems({ database, dataset, after, limit, maxBytes = 32 * 1024 ** 2, ...request }: MomentRequest & {
  readonly database: Pick<Database, 'client' | 'db'>; readonly dataset: string; readonly after?: string | undefined; readonly limit: number;
  /** A page ends early once it holds so many bytes: the next one goes on there. */
  readonly maxBytes?: number;
}): Promise<ItemsPage> {
  const history = historyCollectionsOf(database.db);
  return await atOneTime({ database }, async (session) => {
    const moment = await findMoment({ history, session, dataset, ...request });
    const { head, row, latest } = moment;
    const about = { rev: head.rev, latest, head, ...(row ? { position: row.position, observedAt: row.observedAt, run: row.run, total: row.counts.total } : {}) };
    if (row === undefined) return { ...about, items: [], total: 0 };
    const source: Source = { history, session, moment: { ...moment, row }, after, limit };
    const found = latest ? latestItems(source) : pastItems(source);
    const items: PageItem[] = [];
    let bytes = 0;
    for await (const { key, since, data } of found) {
      if (items.length === limit || bytes > maxBytes) return { ...about, items, next: items.at(-1)?.key ?? '' };
      items.push({ key, since, data });
      bytes += roughSize(data);
    }
    return { ...about, items };
  });
}

/** The server answers with 16 MB at most, whatever it is asked for: a page of large items takes several answers, and leaves off in time. */
const latestItems = ({ history, session, moment: { head }, after, limit }: Source): AsyncIterable<PageItem> =>
  history.items.find({ _id: itemRange(head.generation ?? '', { after }) as never }, { sort: { _id: 1 }, limit: limit + 1, batchSize: limit + 2, session });

async function* pastItems({ history, session, moment: { row, epoch }, after, limit }: Source): AsyncGenerator<PageItem> {
  if (epoch === undefined) return;
  for await (const chunk of streamState({ history, session, epoch, at: row.position, after, expect: limit + 1 })) yield* chunk;
}
