import { MaxKey } from 'mongodb';

/** Ids of the history's documents. Generations and epochs are ULIDs, 26 characters, so that a fixed prefix and a dot make a range. */
export const itemId = (generation: string, key: string): string => `${generation}.${key}`;
export const snapshotId = (dataset: string, run: string): string => `${dataset}.${run}`;
export const batchId = (attempt: string, seq: number): string => `${attempt}.${seq}`;
export const keysetId = (dataset: string, hash: string, part: number): string => `${dataset}.${hash}.${String(part).padStart(4, '0')}`;

/** Everything with this prefix and a dot: `/` is the character after the dot. */
export const underPrefix = (prefix: string): { readonly $gte: string; readonly $lt: string } => ({ $gte: `${prefix}.`, $lt: `${prefix}/` });

/** Filter for the items of a generation with keys after `after` and up to `upTo` (inclusive). */
export function itemRange(generation: string, { after, upTo }: { readonly after?: string | undefined; readonly upTo?: string | undefined } = {}): Record<string, string> {
  return {
    ...(after === undefined ? { $gte: `${generation}.` } : { $gt: itemId(generation, after) }),
    ...(upTo === undefined ? { $lt: `${generation}/` } : { $lte: itemId(generation, upTo) }),
  };
}

const beyond = new MaxKey();

/** Filter for the log entries of an epoch with keys after `after` or from `starting` on, and up to `upTo` (inclusive) or before `before`, in the order of the `_id` index. */
export function entryRange(epoch: string, { after, starting = '', upTo, before }: { readonly after?: string | undefined; readonly starting?: string | undefined; readonly upTo?: string | undefined; readonly before?: string | undefined } = {}): Record<string, unknown> {
  return {
    ...(after === undefined ? { $gte: { e: epoch, k: starting, f: '' } } : { $gt: { e: epoch, k: after, f: beyond } }),
    $lt: upTo === undefined ? { e: epoch, k: before ?? beyond, f: '' } : { e: epoch, k: upTo, f: beyond },
  };
}

/** The blocks of an epoch's keyframe, all or those that begin after a key. */
export const blockRange = (epoch: string, after?: string): Record<string, unknown> => ({
  ...(after === undefined ? { $gte: { e: epoch, k: '' } } : { $gt: { e: epoch, k: after } }), $lt: { e: epoch, k: beyond },
});

/** Sorts keys as MongoDB does, by their UTF-8 bytes: JavaScript's own order differs above the surrogates. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    let x = a.charCodeAt(index);
    let y = b.charCodeAt(index);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}
