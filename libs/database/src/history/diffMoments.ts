import type { ClientSession } from 'mongodb';
import type { Database } from '../connectDatabase.ts';
import { atOneTime } from './atOneTime.ts';
import type { SnapshotDocument } from './documents.ts';
import { historyCollectionsOf, type HistoryCollections } from './historyCollections.ts';
import { compareKeys } from './historyIds.ts';
import type { StateItem } from './storedItem.ts';
import type { Known } from './known.ts';
import { findMoment, type MomentRequest } from './moment.ts';
import { epochAt, readKnown, type EpochStart } from './readKnown.ts';
import { roughSize } from './roughSize.ts';
import { streamState } from './streamState.ts';

export type Difference =
  | { readonly key: string; readonly kind: 'added'; readonly after: unknown }
  | { readonly key: string; readonly kind: 'removed'; readonly before: unknown }
  | { readonly key: string; readonly kind: 'changed'; readonly before: unknown; readonly after: unknown };

export interface DiffPage {
  /** In the order of keys. */
  readonly differences: readonly Difference[];
  /** The rows compared; absent where the dataset has no snapshot. */
  readonly from?: SnapshotDocument;
  readonly to?: SnapshotDocument;
  readonly rev: number;
  /** Last key of this page where more follow. */
  readonly next?: string;
}

interface Compared {
  readonly history: HistoryCollections;
  readonly session: ClientSession;
  readonly from: { readonly epoch: EpochStart; readonly position: string };
  readonly to: { readonly epoch: EpochStart; readonly position: string };
  readonly after: string | undefined;
  readonly limit: number;
  readonly maxBytes: number;
}

/** The differences of a page, and whether it has ended before they have. */
interface Found {
  readonly differences: Difference[];
  readonly more: boolean;
}

/** What is different between two moments, in either direction, a page at a time; a page ends early once it holds so many bytes. Throws what reading either moment would. */
export async function diffMoments({ database, dataset, from, to, after, limit, maxBytes = 32 * 1024 ** 2 }: {
  readonly database: Pick<Database, 'client' | 'db'>; readonly dataset: string; readonly from: MomentRequest; readonly to: MomentRequest; readonly after?: string | undefined; readonly limit: number; readonly maxBytes?: number;
}): Promise<DiffPage> {
  const history = historyCollectionsOf(database.db);
  return await atOneTime({ database }, async (session) => {
    const [before, later] = [await findMoment({ history, session, dataset, ...from }), await findMoment({ history, session, dataset, ...to })];
    const { rev } = later.head;
    if (!before.row || !later.row) return { differences: [], rev };
    const [fromEpoch, toEpoch] = await Promise.all([before.row, later.row].map(({ position }) => epochAt({ history, session, dataset, position })));
    if (!fromEpoch || !toEpoch) return { differences: [], rev };
    const compared: Compared = { history, session, after, limit, maxBytes, from: { epoch: fromEpoch, position: before.row.position }, to: { epoch: toEpoch, position: later.row.position } };
    const { differences, more } = fromEpoch._id === toEpoch._id ? await withinEpoch(compared) : await acrossEpochs(compared);
    return { differences, from: before.row, to: later.row, rev, ...(more ? { next: differences.at(-1)?.key ?? '' } : {}) };
  });
}

/** Only keys with a log entry between the two can differ: they are few, and looked up. */
async function withinEpoch({ history, session, from, to, after, limit, maxBytes }: Compared): Promise<Found> {
  const [low, high] = from.position < to.position ? [from.position, to.position] : [to.position, from.position];
  const logged = await history.versions.find({ '_id.e': from.epoch._id, '_id.f': { $gt: low, $lte: high } }, { projection: { _id: 1 }, batchSize: 20_000, session }).map(({ _id }) => _id.k).toArray();
  const keys = [...new Set(logged)].filter((key) => after === undefined || compareKeys(key, after) > 0).toSorted(compareKeys);
  const page = fillPage({ limit, maxBytes });
  // Few at first: what one of them takes is not known yet.
  for (let start = 0, atOnce = 100; start < keys.length && !page.full; start += atOnce, atOnce = page.bytes < 4 * 1024 ** 2 ? 1_000 : 100) {
    const some = keys.slice(start, start + atOnce);
    const before = await readKnown({ history, session, epoch: from.epoch, at: from.position, keys: some });
    const later = await readKnown({ history, session, epoch: to.epoch, at: to.position, keys: some });
    for (const key of some) page.add(differenceOf(key, before.get(key), later.get(key)));
  }
  return page.found();
}

/** Both states are read side by side in the order of keys. */
async function acrossEpochs({ history, session, from, to, after, limit, maxBytes }: Compared): Promise<Found> {
  const before = itemsOf(streamState({ history, session, epoch: from.epoch, at: from.position, after, expect: limit * 2 }));
  const later = itemsOf(streamState({ history, session, epoch: to.epoch, at: to.position, after, expect: limit * 2 }));
  const page = fillPage({ limit, maxBytes });
  let [left, right] = [await before.next(), await later.next()];
  while (!page.full && !(left.done && right.done)) {
    const order = left.done ? 1 : right.done ? -1 : compareKeys(left.value.key, right.value.key);
    const key = order <= 0 ? (left.value as StateItem).key : (right.value as StateItem).key;
    page.add(differenceOf(key, order <= 0 ? (left.value as StateItem) : undefined, order >= 0 ? (right.value as StateItem) : undefined));
    if (order <= 0) left = await before.next();
    if (order >= 0) right = await later.next();
  }
  return page.found();
}

/** Takes differences until one comes that has no room any more. */
function fillPage({ limit, maxBytes }: { readonly limit: number; readonly maxBytes: number }) {
  const differences: Difference[] = [];
  let bytes = 0;
  let full = false;
  return {
    get full() { return full; },
    get bytes() { return bytes; },
    add(difference: Difference | undefined): void {
      if (difference === undefined || full) return;
      full = differences.length === limit || bytes > maxBytes;
      if (full) return;
      differences.push(difference);
      bytes += roughSize(difference);
    },
    found: (): Found => ({ differences, more: full }),
  };
}

async function* itemsOf(chunks: AsyncGenerator<StateItem[]>): AsyncGenerator<StateItem, undefined> {
  for await (const chunk of chunks) yield* chunk;
  return undefined;
}

function differenceOf(key: string, before: Known | undefined, after: Known | undefined): Difference | undefined {
  if (before && after) return before.hash === after.hash ? undefined : { key, kind: 'changed', before: before.data, after: after.data };
  if (after) return { key, kind: 'added', after: after.data };
  return before && { key, kind: 'removed', before: before.data };
}
