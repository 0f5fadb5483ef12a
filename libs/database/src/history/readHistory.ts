import { BSON, type ClientSession } from 'mongodb';
import type { Database } from '../connectDatabase.ts';
import { atOneTime } from './atOneTime.ts';
import type { EpochDocument, HeadDocument, VersionDocument } from './documents.ts';
import { HistoryError } from './HistoryError.ts';
import { historyCollectionsOf, type HistoryCollections } from './historyCollections.ts';
import { mergeVersions, type EpochOfKey, type Version } from './mergeVersions.ts';
import { absent, type Known } from './known.ts';
import { expectGround, type MomentRequest } from './moment.ts';
import { knownOf, readKnown } from './readKnown.ts';
import { roughSize } from './roughSize.ts';

export interface HistoryPage {
  /** Newest first; `hash: null` = the key was not there. */
  readonly versions: readonly Version[];
  readonly rev: number;
  /** `from` of the last version of this page where older ones follow: the next page's `after`. */
  readonly next?: string;
}

const epochsAtOnce = 8;

type Asked = {
  readonly dataset: string; readonly key: string;
  readonly after?: string | undefined; readonly since?: string | undefined; readonly limit: number;
  /** Where the page before ended, and the `rev` that the first one was read at: what lies before must still be what it was. */
  readonly pinned?: MomentRequest['pinned'];
  /** A page ends early once it holds so many bytes: the next one goes on there. */
  readonly maxBytes?: number;
};

/**
 * How one key changed, newest first. `after` is the position that the page before ended at; `since` (a position) ends the reading early.
 * A key that never was has no versions. In a `session` of the caller's all its pages are of one time. Throws HistoryError: no_dataset, and of a cursor swept, history_changed.
 */
export async function readHistory({ database, session, ...asked }: Asked & { readonly database: Pick<Database, 'client' | 'db'>; readonly session?: ClientSession | undefined }): Promise<HistoryPage> {
  const read = async (within: ClientSession) => await readPage({ ...asked, history: historyCollectionsOf(database.db), session: within });
  return session ? await read(session) : await atOneTime({ database }, read);
}

async function readPage({ history, session, dataset, key, after, since, limit, pinned, maxBytes = 32 * 1024 ** 2 }: Asked & { readonly history: HistoryCollections; readonly session: ClientSession }): Promise<HistoryPage> {
  const head = await history.heads.findOne({ _id: dataset }, { session });
  if (head === null || head.sweptAt !== undefined) throw new HistoryError('no_dataset', `expected dataset ${dataset}; there is none`, { dataset });
  if (pinned !== undefined) await expectGround({ history, head, pinned, options: { session } });
  const epochs: EpochOfKey[] = [];
  let before = after;
  let bytes = 0;
  for (;;) {
    const older = await olderEpochs({ history, session, head, before });
    const read = await Promise.all(older.map((epoch) => epochOfKey({ history, session, head, epoch, key, before: after, limit, maxBytes: maxBytes / epochsAtOnce })));
    let full = false;
    for (const one of read) {
      if ((full = bytes > maxBytes)) break;
      epochs.unshift(one);
      bytes += one.bytes;
      if ((full = one.cut)) break;
    }
    const versions = mergeVersions(epochs).toReversed();
    const [last] = versions.slice(-1);
    // What began inside the epochs read is whole; the oldest one may go on into an older epoch.
    const oldest = older.at(-1)?.position ?? '';
    const ended = older.length < epochsAtOnce || (since !== undefined && oldest <= since);
    if (full || ended || versions.filter(({ from }) => from > oldest).length > limit)
      return { rev: head.rev, ...pageOf({ versions, after, since, limit, full, horizon: head.horizon }) };
    // A value that began long before its epoch was there all the time between: those epochs need no look.
    before = last !== undefined && last.hash !== null && last.from < oldest ? nextAfter(last.from) : oldest;
  }
}

/** The smallest position after this one that any epoch may have: epochs begin at positions, so one character more is enough. */
const nextAfter = (position: string): string => `${position}\u0000`;

/** `full` = more may follow than these, although they are no more than `limit`; behind one that began at the horizon or before it nothing that can be read does. */
function pageOf({ versions, after, since, limit, full, horizon = '' }: { versions: readonly Version[]; after: string | undefined; since: string | undefined; limit: number; full: boolean; horizon: string | undefined }): Pick<HistoryPage, 'versions' | 'next'> {
  const [newest, ...rest] = versions;
  const continued = newest && after !== undefined && newest.to === undefined ? [{ ...newest, to: after }, ...rest] : versions;
  const wanted = since === undefined ? continued : continued.filter(({ to }) => to === undefined || to > since);
  const page = wanted.slice(0, limit);
  const last = page.at(-1);
  return { versions: page, ...(last && (wanted.length > limit || (full && wanted.length === continued.length && last.from > horizon)) ? { next: last.from } : {}) };
}

/** The living epochs before a position, newest first, a few at a time. */
async function olderEpochs({ history, session, head, before }: { history: HistoryCollections; session: ClientSession; head: HeadDocument; before: string | undefined }): Promise<EpochDocument[]> {
  const found = await history.epochs.find({ dataset: head._id, ...(before === undefined ? {} : { position: { $lt: before } }) }, { sort: { position: -1 }, limit: epochsAtOnce, session }).toArray();
  const { horizon } = head;
  if (horizon === undefined) return found;
  if (before !== undefined && before <= horizon) return [];
  // The epoch that holds the horizon lives; what lies before it awaits its sweep.
  const oldest = found.findIndex(({ position }) => position <= horizon);
  return oldest < 0 ? found : found.slice(0, oldest + 1);
}

/** The newest versions of the key in an epoch, as many as a page takes; `cut` where it has older ones. */
async function epochOfKey({ history, session, head, epoch, key, before, limit, maxBytes }: {
  history: HistoryCollections; session: ClientSession; head: HeadDocument; epoch: EpochDocument; key: string; before: string | undefined; limit: number; maxBytes: number;
}): Promise<EpochOfKey & { readonly bytes: number; readonly cut: boolean }> {
  const begins = head.horizon !== undefined && head.horizon > epoch.position ? head.horizon : epoch.position;
  const first = readKnown({ history, session, epoch, at: begins, keys: [key] });
  first.catch(() => undefined); // asked for below, where it matters
  const entries: (Known & { readonly from: string })[] = [];
  let bytes = 0;
  const found = history.versions.find({ _id: { $gt: { e: epoch._id, k: key, f: begins }, $lt: { e: epoch._id, k: key, f: before ?? '\u{10FFFF}' } } }, { sort: { _id: -1 }, limit: limit + 1, raw: true, session });
  for await (const raw of found) {
    const stored = raw as unknown as Buffer;
    const entry = BSON.deserialize(stored) as VersionDocument;
    entries.unshift({ ...knownOf(entry), from: entry._id.f });
    bytes += stored.length;
    if (bytes > maxBytes && entries.length > 1) break;
  }
  const [oldest] = entries;
  // An entry differs from what was there before it: where it stands a version begins, whatever else there is. Of two entries one at least is no removal.
  if (oldest && entries.length > 1 && (entries.length > limit || bytes > maxBytes)) return { begins: oldest.from, first: { ...oldest, since: '' }, entries: entries.slice(1), bytes, cut: true };
  const known = (await first).get(key) ?? absent;
  return { begins, first: known, entries, bytes: bytes + roughSize(known.data), cut: false };
}
