import { blockRange, compareKeys, entryRange } from './historyIds.ts';
import { unpackBlock } from './keyframe.ts';
import type { KeyframeCache } from './keyframeCache.ts';
import { readRawEntry, type RawEntry, type StateItem } from './storedItem.ts';
import { withSession, type EpochStart, type StateSource } from './readKnown.ts';

const itemsInBlock = 500;
const blocksAtOnce = 40;
const tailAtOnce = 2_000;

interface Streamed extends StateSource {
  readonly epoch: EpochStart;
  readonly at: string;
  readonly cache?: KeyframeCache | undefined;
}

/**
 * The state of an epoch at a position in the order of keys, in chunks. Each chunk reads a few keyframe blocks and the log entries of just
 * those keys, so that the first chunks cost the same however long the history is. `expect` is how many items the caller is likely to take.
 */
export async function* streamState({ after, expect, ...streamed }: Streamed & { readonly after?: string | undefined; readonly expect: number }): AsyncGenerator<StateItem[]> {
  const { epoch, cache } = streamed;
  const starts = await blockStarts(streamed);
  let next = after === undefined ? 0 : Math.max(0, countUpTo(starts, after) - 1);
  /** Where the log goes on: behind a key, or from one on. */
  let place: { readonly after?: string | undefined; readonly starting?: string | undefined } = { after };
  let taken = 0;
  while (next < starts.length) {
    // The block that `after` lies in has only a part left, and unless it was read before nobody knows which.
    const own = taken === 0 && after !== undefined ? cache?.block(epoch._id, starts[next] as string) : undefined;
    const left = own ? own.length - firstAfter(own, after as string) : taken === 0 && after !== undefined ? 0 : itemsInBlock;
    const wanted = expect > taken ? 1 + Math.ceil((expect - taken - left) / itemsInBlock) : blocksAtOnce;
    const until = Math.min(starts.length, next + Math.max(1, Math.min(wanted, blocksAtOnce)));
    const before = starts[until];
    const blocks = readBlocks(streamed, starts.slice(next, until));
    // Behind the last block there may be more of the log than fits a chunk.
    const [packed, entries] = before === undefined ? await untilLastKey(streamed, blocks, place) : await Promise.all([blocks, readEntries({ ...streamed, ...place, before })]);
    const merged = merge(taken === 0 && after !== undefined ? packed.slice(firstAfter(packed, after)) : packed, entries);
    place = before === undefined ? { after: later(packed.at(-1)?.key, after) } : { starting: before };
    next = until;
    taken += merged.length;
    if (merged.length > 0) yield merged;
  }
  yield* tail({ ...streamed, from: place.after });
}

/** The last blocks with the log up to their last key. */
async function untilLastKey(streamed: Streamed, blocks: Promise<readonly StateItem[]>, place: { readonly after?: string | undefined; readonly starting?: string | undefined }): Promise<[readonly StateItem[], readonly RawEntry[]]> {
  const packed = await blocks;
  const upTo = packed.at(-1)?.key;
  const nothing = upTo === undefined || (place.after !== undefined && compareKeys(upTo, place.after) <= 0);
  return [packed, nothing ? [] : await readEntries({ ...streamed, ...place, upTo })];
}

const later = (a: string | undefined, b: string | undefined): string | undefined => (a === undefined || (b !== undefined && compareKeys(a, b) < 0) ? b : a);

/** The first keys of the epoch's blocks. */
async function blockStarts({ history, session, epoch, cache }: Streamed): Promise<readonly string[]> {
  const known = cache?.starts(epoch._id);
  if (known) return known;
  const starts = await history.keyframes.find({ _id: blockRange(epoch._id) as never }, { sort: { _id: 1 }, projection: { _id: 1 }, batchSize: 10_000, ...withSession(session) }).map(({ _id }) => _id.k).toArray();
  cache?.keepStarts(epoch._id, starts);
  return starts;
}

/** The items of these neighbouring blocks, in the order of keys. */
async function readBlocks({ history, session, epoch, cache }: Streamed, starts: readonly string[]): Promise<readonly StateItem[]> {
  const known = starts.map((first) => cache?.block(epoch._id, first));
  const missing = starts.filter((_, index) => known[index] === undefined);
  const [from, to] = [missing[0], missing.at(-1)];
  const read = from === undefined ? [] : await history.keyframes.find({ _id: { $gte: { e: epoch._id, k: from }, $lte: { e: epoch._id, k: to as string } } }, { sort: { _id: 1 }, batchSize: blocksAtOnce + 1, ...withSession(session) }).toArray();
  const unpacked = new Map(await Promise.all(read.filter(({ _id }) => missing.includes(_id.k)).map(async ({ _id, z }) => [_id.k, await unpackBlock(z.buffer)] as const)));
  for (const [first, items] of unpacked) cache?.keepBlock(epoch._id, first, items);
  return starts.flatMap((first, index) => known[index] ?? unpacked.get(first) ?? []);
}

/** How many of these, sorted, are at or before a key. */
function countUpTo(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(keys[middle] as string, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What the log added behind the last key of the keyframe. */
async function* tail({ history, session, epoch, at, from }: Streamed & { readonly from: string | undefined }): AsyncGenerator<StateItem[]> {
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
async function readEntries({ history, session, epoch, at, limit, ...range }: StateSource & Parameters<typeof entryRange>[1] & { readonly epoch: EpochStart; readonly at: string; readonly limit?: number }): Promise<RawEntry[]> {
  const { after, starting, upTo, before } = range;
  const found = history.versions.find({ _id: entryRange(epoch._id, { after, starting, upTo, before }) as never, '_id.f': { $lte: at } }, { sort: { _id: 1 }, batchSize: 10_000, raw: true, ...(limit === undefined ? {} : { limit }), ...withSession(session) });
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
