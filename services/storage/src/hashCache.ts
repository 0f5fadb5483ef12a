import { underPrefix, type ClientSession, type HeadDocument, type HistoryCollections, type ItemDocument } from '@gleaner/database';
import type { Hashes } from './core/planNewest.ts';
import type { ApplyPlan } from './core/applyPlan.ts';

type HashMap = Map<string, { readonly hash: string; readonly since: string }>;
/** What of a head the hashes were made from. */
export type HashBase = Pick<HeadDocument, 'rev' | 'position' | 'generation' | 'epoch'>;
interface Held {
  readonly base: HashBase;
  readonly hashes: HashMap;
}

/** Keys and hashes of current items, so that comparing reads nothing back. A dataset's are valid only for the head's `rev` that they were made from. */
export interface HashCache {
  get(dataset: string, rev: number): Hashes | undefined;
  put(dataset: string, base: HashBase, hashes: Hashes): void;
  /** After a write to the dataset: moves its hashes from the rev they were at to the next. */
  advance(dataset: string, rev: number, next: HashBase, plan?: ApplyPlan): void;
  /** Whatever is held, of any rev: what another storage has applied since may be all that is missing. Taken out: the caller puts it back. */
  take(dataset: string): { readonly base: HashBase; readonly hashes: Hashes } | undefined;
  drop(dataset: string): void;
  readonly size: number;
}

/** Holds at most `limit` hashes over all datasets; the datasets that were used longest ago go first. One larger than the limit is never held. */
export function createHashCache({ limit }: { readonly limit: number }): HashCache {
  const held = new Map<string, Held>();
  let size = 0;
  const remove = (dataset: string): void => {
    size -= held.get(dataset)?.hashes.size ?? 0;
    held.delete(dataset);
  };
  const add = (dataset: string, one: Held): void => {
    remove(dataset);
    if (one.hashes.size > limit) return;
    held.set(dataset, one);
    size += one.hashes.size;
    for (const oldest of held.keys()) {
      if (size <= limit) break;
      remove(oldest);
    }
  };
  return {
    get size() { return size; },
    get(dataset, rev) {
      const one = held.get(dataset);
      if (one?.base.rev !== rev) return undefined;
      held.delete(dataset); // the newest used is last
      held.set(dataset, one);
      return one.hashes;
    },
    put: (dataset, base, hashes) => add(dataset, { base, hashes: hashes as HashMap }),
    drop: remove,
    take(dataset) {
      const one = held.get(dataset);
      remove(dataset);
      return one;
    },
    advance(dataset, rev, next, plan) {
      const one = held.get(dataset);
      if (one?.base.rev !== rev) return;
      const { hashes } = one;
      size -= hashes.size;
      held.delete(dataset);
      if (plan) advanceHashes(hashes, plan);
      add(dataset, { base: next, hashes });
    },
  };
}

/** What a plan does to the current items, done to their hashes. */
function advanceHashes(hashes: HashMap, plan: ApplyPlan): void {
  if (plan.generation) {
    hashes.clear();
    for (const { key, hash, since } of plan.epoch?.items ?? []) hashes.set(key, { hash, since });
  }
  for (const [key, { hash, since }] of plan.items) {
    if (hash === null) hashes.delete(key);
    else hashes.set(key, { hash, since });
  }
  for (const { key, from, to } of plan.itemSince) {
    const item = hashes.get(key);
    if (item?.since === from) hashes.set(key, { hash: item.hash, since: to });
  }
}

/** The hashes as they are stored, with the head that they belong to; read at one time, data left out. */
export async function loadHashes({ history, session, dataset, onStep }: {
  readonly history: HistoryCollections; readonly session: ClientSession; readonly dataset: string; readonly onStep?: ((step: string) => void | Promise<void>) | undefined;
}): Promise<{ head: HeadDocument | null; hashes: Hashes }> {
  await onStep?.('before all hashes are read');
  const head = await history.heads.findOne({ _id: dataset }, { session });
  const hashes: HashMap = new Map();
  if (head?.generation === undefined) return { head, hashes };
  const positions = new Map<string, string>(); // few positions, many items: one string for all that share it
  const found = history.items.find<Pick<ItemDocument, 'key' | 'hash' | 'since'>>(
    { _id: underPrefix(head.generation) }, { projection: { _id: 0, key: 1, hash: 1, since: 1 }, batchSize: 20_000, session });
  for await (const { key, hash, since } of found) {
    let shared = positions.get(since);
    if (shared === undefined) positions.set(since, (shared = since));
    hashes.set(key, { hash, since: shared });
  }
  return { head, hashes };
}

/**
 * Brings hashes of an older rev up to the head's, from the log alone: possible while everything applied since came after them, in the same epoch
 * and generation. Undefined where it is not; the hashes are then of no use any more.
 */
export async function catchUp({ history, session, dataset, older }: {
  readonly history: HistoryCollections; readonly session: ClientSession; readonly dataset: string; readonly older: { readonly base: HashBase; readonly hashes: Hashes };
}): Promise<{ head: HeadDocument; hashes: Hashes } | undefined> {
  const { base } = older;
  const hashes = older.hashes as HashMap;
  const head = await history.heads.findOne({ _id: dataset }, { session });
  if (head === null || base.position === undefined || head.generation !== base.generation || head.epoch?.id !== base.epoch?.id) return undefined;
  // A late row may have come and been swept since: nothing is left to tell what it changed.
  if ((head.sweptRev ?? 0) > base.rev) return undefined;
  const late = await history.snapshots.findOne({ dataset, appliedRev: { $gt: base.rev }, position: { $lt: base.position } }, { projection: { _id: 1 }, session });
  if (late !== null) return undefined;
  const entries = history.versions.find({ '_id.e': head.epoch?.id ?? '', '_id.f': { $gt: base.position } }, { projection: { data: 0 }, sort: { '_id.e': 1, '_id.f': 1 }, batchSize: 20_000, session });
  for await (const { _id: { k, f }, hash, removed } of entries) {
    if (removed || hash === undefined) hashes.delete(k);
    else hashes.set(k, { hash, since: f });
  }
  return { head, hashes };
}
