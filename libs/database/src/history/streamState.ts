import type { KeyframeDocument } from './documents.ts';
import { blockRange, compareKeys, entryRange } from './historyIds.ts';
import { unpackBlock } from './keyframe.ts';
import { readRawEntry, type RawEntry, type StateItem } from './storedItem.ts';
import { withSession, type EpochStart, type StateSource } from './readKnown.ts';

const itemsInBlock = 500;
const tailAtOnce = 2_000;

/**
 * The state of an epoch at a position in the order of keys, in chunks. Each chunk reads a few keyframe blocks and the log entries of just
 * those keys, so that the first chunks cost the same however long the history is. `expect` is how many items the caller is likely to take.
 */
export async function* streamState({ history, session, epoch, at, after, expect }: StateSource & {
  readonly epoch: EpochStart; readonly at: string; readonly after?: string | undefined; readonly expect: number;
}): AsyncGenerator<StateItem[]> {
  const window = Math.min(40, Math.max(1, Math.ceil(expect / itemsInBlock)));
  const options = withSession(session);
  let from = after;
  let blocks: KeyframeDocument[] = [];
  let nextKey: string | undefined;
  const following = (key: string | undefined, limit: number) => history.keyframes
    .find({ _id: blockRange(epoch._id, key) as never }, { sort: { _id: 1 }, limit, ...options }).toArray();
  if (after === undefined) blocks = await following(undefined, window);
  else {
    const [own, next] = await Promise.all([
      history.keyframes.findOne({ _id: { $gte: { e: epoch._id, k: '' }, $lte: { e: epoch._id, k: after } } }, { sort: { _id: -1 }, ...options }),
      following(after, window),
    ]);
    blocks = own ? [own, ...next] : next;
  }
  while (blocks.length > 0) {
    const unpacked = (await Promise.all(blocks.map(({ z }) => unpackBlock(z.buffer)))).flat();
    nextKey = blocks.at(-1)?._id.k;
    const upTo = unpacked.at(-1)?.key;
    const beyond = from !== undefined && upTo !== undefined && compareKeys(upTo, from) <= 0;
    if (!beyond) {
      const entries = await readEntries({ history, session, epoch, at, after: from, upTo });
      const start = from === undefined ? 0 : firstAfter(unpacked, from);
      yield merge(start === 0 ? unpacked : unpacked.slice(start), entries);
      from = upTo;
    }
    blocks = await following(nextKey, window);
  }
  yield* tail({ history, session, epoch, at, from });
}

/** What the log added behind the last key of the keyframe. */
async function* tail({ history, session, epoch, at, from }: StateSource & { readonly epoch: EpochStart; readonly at: string; readonly from: string | undefined }): AsyncGenerator<StateItem[]> {
  let after = from;
  for (;;) {
    const entries = await readEntries({ history, session, epoch, at, after, limit: tailAtOnce });
    if (entries.length === 0) return;
    if (entries.length < tailAtOnce) {
      yield merge([], entries);
      return;
    }
    const last = entries.at(-1)?.key as string;
    const whole = entries.filter(({ key }) => key !== last);
    if (whole.length === 0) {
      // One key alone fills the chunk: its newest entry is all that counts.
      const newest = await history.versions.findOne({ _id: { $gte: { e: epoch._id, k: last, f: '' }, $lte: { e: epoch._id, k: last, f: at } } }, { sort: { _id: -1 }, raw: true, ...withSession(session) });
      yield merge([], newest ? [readRawEntry(newest as unknown as Buffer)] : []);
      after = last;
      continue;
    }
    yield merge([], whole);
    after = whole.at(-1)?.key;
  }
}

/** Entries in the order of keys, those of a key oldest first. */
async function readEntries({ history, session, epoch, at, after, upTo, limit }: StateSource & {
  readonly epoch: EpochStart; readonly at: string; readonly after: string | undefined; readonly upTo?: string | undefined; readonly limit?: number;
}): Promise<RawEntry[]> {
  const found = history.versions.find({ _id: entryRange(epoch._id, { after, upTo }) as never, '_id.f': { $lte: at } }, { sort: { _id: 1 }, batchSize: 10_000, raw: true, ...(limit === undefined ? {} : { limit }), ...withSession(session) });
  return ((await found.toArray()) as unknown as Buffer[]).map(readRawEntry);
}

/** Keyframe items with the log laid over them; both in the order of keys, entries of a key oldest first. */
function merge(packed: readonly StateItem[], entries: readonly RawEntry[]): StateItem[] {
  if (entries.length === 0) return packed as StateItem[];
  const merged: StateItem[] = [];
  let at = 0;
  for (const [index, { key, item }] of entries.entries()) {
    if (entries[index + 1]?.key === key) continue;
    for (; at < packed.length; at += 1) {
      const before = packed[at] as StateItem;
      if (before.key === key || !isBefore(before.key, key)) break;
      merged.push(before);
    }
    if (packed[at]?.key === key) at += 1;
    if (item) merged.push(item);
  }
  for (; at < packed.length; at += 1) merged.push(packed[at] as StateItem);
  return merged;
}

const isBefore = (a: string, b: string): boolean => compareKeys(a, b) < 0;

function firstAfter(items: readonly StateItem[], key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const here = (items[middle] as StateItem).key;
    if (here === key || isBefore(here, key)) low = middle + 1;
    else high = middle;
  }
  return low;
}
