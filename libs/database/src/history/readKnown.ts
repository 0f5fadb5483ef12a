import type { ClientSession } from 'mongodb';
import type { EpochDocument, VersionDocument } from './documents.ts';
import type { HistoryCollections } from './historyCollections.ts';
import { blockRange, entryRange } from './historyIds.ts';
import { unpackBlock } from './keyframe.ts';
import { absent, type Known } from './known.ts';

export interface StateSource {
  readonly history: HistoryCollections;
  readonly session?: ClientSession | undefined;
}
export type EpochStart = Pick<EpochDocument, '_id' | 'position'>;

const rangesAtOnce = 100;
const fewKeys = 3;

/** What a log entry says: a patch carries its own `since`, any other began where it stands. */
export const knownOf = (entry: VersionDocument): Known =>
  entry.removed ? absent : { hash: entry.hash ?? '', data: entry.data, since: entry.since ?? entry._id.f };

/** The epoch that holds a position: the newest that begins at or before it. */
export async function epochAt({ history, session, dataset, position }: StateSource & { readonly dataset: string; readonly position: string }): Promise<EpochStart | null> {
  return await history.epochs.findOne({ dataset, position: { $lte: position } }, { sort: { position: -1 }, ...withSession(session) });
}

/** The whole state of an epoch at a position, by key: memory and time grow with the number of items. */
export async function readState({ history, session, epoch, at }: StateSource & { readonly epoch: EpochStart; readonly at: string }): Promise<Map<string, Known>> {
  const state = new Map<string, Known>();
  for await (const { z } of history.keyframes.find({ _id: blockRange(epoch._id) as never }, { sort: { _id: 1 }, ...withSession(session) }))
    for (const { key, hash, since, data } of await unpackBlock(z.buffer)) state.set(key, { hash, since, data });
  const entries = history.versions.find({ _id: entryRange(epoch._id) as never, '_id.f': { $lte: at } }, { sort: { _id: 1 }, batchSize: 5_000, ...withSession(session) });
  for await (const entry of entries) {
    if (entry.removed) state.delete(entry._id.k);
    else state.set(entry._id.k, knownOf(entry));
  }
  return state;
}

/** The present ones of these keys at a position: point reads, a few for each hundred keys. */
export async function readKnown({ history, session, epoch, at, keys }: StateSource & { readonly epoch: EpochStart; readonly at: string; readonly keys: readonly string[] }): Promise<Map<string, Known>> {
  const logged = await readLogged({ history, session, epoch, at, keys });
  const rest = keys.filter((key) => !logged.has(key));
  const packed = rest.length === 0 ? new Map<string, Known>() : await readPacked({ history, session, epoch: epoch._id, keys: rest });
  return new Map(keys.flatMap((key) => {
    const known = logged.get(key) ?? packed.get(key) ?? absent;
    return known.hash === null ? [] : [[key, known] as const];
  }));
}

/** The newest entries of these keys up to a position. A key may have many, of any size: only its newest is fetched. */
async function readLogged({ history, session, epoch, at, keys }: StateSource & { readonly epoch: EpochStart; readonly at: string; readonly keys: readonly string[] }): Promise<Map<string, Known>> {
  const rangeOf = (k: string) => ({ _id: { $gte: { e: epoch._id, k, f: '' }, $lte: { e: epoch._id, k, f: at } } });
  const logged = new Map<string, Known>();
  if (keys.length <= fewKeys) {
    for (const entry of await Promise.all(keys.map((key) => history.versions.findOne(rangeOf(key), { sort: { _id: -1 }, ...withSession(session) })))) if (entry) logged.set(entry._id.k, knownOf(entry));
    return logged;
  }
  for (let start = 0; start < keys.length; start += rangesAtOnce) {
    const newest = new Map<string, VersionDocument['_id']>();
    for (const { _id } of await history.versions.find({ $or: keys.slice(start, start + rangesAtOnce).map(rangeOf) }, { projection: { _id: 1 }, batchSize: 10_000, ...withSession(session) }).toArray())
      if ((newest.get(_id.k)?.f ?? '') <= _id.f) newest.set(_id.k, _id);
    if (newest.size === 0) continue;
    for await (const entry of history.versions.find({ _id: { $in: [...newest.values()] } }, withSession(session))) logged.set(entry._id.k, knownOf(entry));
  }
  return logged;
}

/** These keys as the keyframe has them; only the blocks that may hold one are fetched. */
async function readPacked({ history, session, epoch, keys }: StateSource & { readonly epoch: string; readonly keys: readonly string[] }): Promise<Map<string, Known>> {
  const wanted = new Set(keys);
  const found = new Map<string, Known>();
  const take = async (z: Uint8Array): Promise<void> => {
    for (const { key, hash, since, data } of await unpackBlock(z)) if (wanted.has(key)) found.set(key, { hash, since, data });
  };
  if (keys.length <= fewKeys) {
    const blocks = await Promise.all(keys.map((k) => history.keyframes.findOne({ _id: { $gte: { e: epoch, k: '' }, $lte: { e: epoch, k } } }, { sort: { _id: -1 }, ...withSession(session) })));
    for (const block of new Map(blocks.flatMap((block) => (block ? [[block._id.k, block] as const] : []))).values()) await take(block.z.buffer);
    return found;
  }
  const starts = await history.keyframes.find({ _id: blockRange(epoch) as never }, { sort: { _id: 1 }, projection: { _id: 1 }, ...withSession(session) }).map(({ _id }) => _id.k).toArray();
  const needed = blocksOf(starts, keys);
  for await (const { z } of history.keyframes.find({ _id: { $in: needed.map((k) => ({ e: epoch, k })) } }, withSession(session))) await take(z.buffer);
  return found;
}

/** The first keys of the blocks that these keys would be in. */
function blocksOf(starts: readonly string[], keys: readonly string[]): string[] {
  const encoded = starts.map((start) => Buffer.from(start));
  const needed = new Set<string>();
  for (const key of keys) {
    const bytes = Buffer.from(key);
    let low = 0;
    let high = encoded.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(encoded[middle] as Buffer, bytes) <= 0) low = middle + 1;
      else high = middle;
    }
    const start = starts[low - 1];
    if (start !== undefined) needed.add(start);
  }
  return [...needed];
}

export const withSession = (session: ClientSession | undefined): { session?: ClientSession } => (session ? { session } : {});
