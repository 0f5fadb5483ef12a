import type { ClientSession } from 'mongodb';
import type { Database } from '../connectDatabase.ts';
import { atOneTime } from './atOneTime.ts';
import type { EpochDocument, HeadDocument } from './documents.ts';
import { HistoryError } from './HistoryError.ts';
import { historyCollectionsOf, type HistoryCollections } from './historyCollections.ts';
import { mergeVersions, type EpochOfKey, type Version } from './mergeVersions.ts';
import { absent } from './known.ts';
import { knownOf, readKnown } from './readKnown.ts';

export interface HistoryPage {
  /** Newest first; `hash: null` = the key was not there. */
  readonly versions: readonly Version[];
  readonly rev: number;
  /** `from` of the last version of this page where older ones follow: the next page's `after`. */
  readonly next?: string;
}

const epochsAtOnce = 8;

/**
 * How one key changed, newest first. `after` is the position that the page before ended at; `since` (a position) ends the reading early.
 * A key that never was has no versions. Throws HistoryError: no_dataset.
 */
export async function readHistory({ database, dataset, key, after, since, limit }: {
  readonly database: Pick<Database, 'client' | 'db'>; readonly dataset: string; readonly key: string;
  readonly after?: string | undefined; readonly since?: string | undefined; readonly limit: number;
}): Promise<HistoryPage> {
  const history = historyCollectionsOf(database.db);
  return await atOneTime({ database }, async (session) => {
    const head = await history.heads.findOne({ _id: dataset }, { session });
    if (head === null || head.sweptAt !== undefined) throw new HistoryError('no_dataset', `expected dataset ${dataset}; there is none`, { dataset });
    const epochs: EpochOfKey[] = [];
    let before = after;
    for (;;) {
      const older = await olderEpochs({ history, session, head, before });
      const read = await Promise.all(older.map((epoch) => epochOfKey({ history, session, head, epoch, key, before: after })));
      epochs.unshift(...read.reverse());
      const versions = mergeVersions(epochs).toReversed();
      const [last] = versions.slice(-1);
      // What began inside the epochs read is whole; the oldest one may go on into an older epoch.
      const oldest = older.at(-1)?.position ?? '';
      const ended = older.length < epochsAtOnce || (since !== undefined && oldest <= since);
      if (ended || versions.filter(({ from }) => from > oldest).length > limit)
        return { rev: head.rev, ...pageOf({ versions, after, since, limit }) };
      // A value that began long before its epoch was there all the time between: those epochs need no look.
      before = last !== undefined && last.hash !== null && last.from < oldest ? nextAfter(last.from) : oldest;
    }
  });
}

/** The smallest position after this one that any epoch may have: epochs begin at positions, so one character more is enough. */
const nextAfter = (position: string): string => `${position}\u0000`;

function pageOf({ versions, after, since, limit }: { versions: readonly Version[]; after: string | undefined; since: string | undefined; limit: number }): Pick<HistoryPage, 'versions' | 'next'> {
  const [newest, ...rest] = versions;
  const continued = newest && after !== undefined && newest.to === undefined ? [{ ...newest, to: after }, ...rest] : versions;
  const wanted = since === undefined ? continued : continued.filter(({ to }) => to === undefined || to > since);
  const page = wanted.slice(0, limit);
  const last = page.at(-1);
  return { versions: page, ...(wanted.length > limit && last ? { next: last.from } : {}) };
}

/** The living epochs before a position, newest first, a few at a time. */
async function olderEpochs({ history, session, head, before }: { history: HistoryCollections; session: ClientSession; head: HeadDocument; before: string | undefined }): Promise<EpochDocument[]> {
  const found = await history.epochs.find({ dataset: head._id, ...(before === undefined ? {} : { position: { $lt: before } }) }, { sort: { position: -1 }, limit: epochsAtOnce, session }).toArray();
  const { horizon } = head;
  if (horizon === undefined) return found;
  // The epoch that holds the horizon lives; what lies before it awaits its sweep.
  const oldest = found.findIndex(({ position }) => position <= horizon);
  return oldest < 0 ? found : found.slice(0, oldest + 1);
}

async function epochOfKey({ history, session, head, epoch, key, before }: {
  history: HistoryCollections; session: ClientSession; head: HeadDocument; epoch: EpochDocument; key: string; before: string | undefined;
}): Promise<EpochOfKey> {
  const begins = head.horizon !== undefined && head.horizon > epoch.position ? head.horizon : epoch.position;
  const [first, entries] = await Promise.all([
    readKnown({ history, session, epoch, at: begins, keys: [key] }),
    history.versions.find({ _id: { $gt: { e: epoch._id, k: key, f: begins }, $lt: { e: epoch._id, k: key, f: before ?? '\u{10FFFF}' } } }, { sort: { _id: 1 }, session }).toArray(),
  ]);
  return { begins, first: first.get(key) ?? absent, entries: entries.map((entry) => ({ ...knownOf(entry), from: entry._id.f })) };
}
