import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { compareKeys } from './historyIds.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** An item of a state: its data is known by its hash, `since` is the position where it began. */
export interface StateItem {
  readonly key: string;
  readonly hash: string;
  readonly since: string;
  readonly data: unknown;
}

export interface KeyframeBlock {
  /** First key in it. */
  readonly first: string;
  readonly n: number;
  readonly packed: Uint8Array;
}

/** Enough items for zstd to see what repeats, few enough that a page unpacks only two or three blocks. */
const maxItems = 500;
const maxChars = 1_000_000;

interface Packed {
  /** The positions that `i` refers to: a snapshot's items began at few of them. */
  readonly p: readonly string[];
  readonly i: readonly (readonly [key: string, since: number, hash: string, data: unknown])[];
}

/** Packs a state into blocks of at most 500 items (or about 1 MB of JSON), sorted by key. The data comes back as JSON gives it. */
export async function packKeyframe(items: readonly StateItem[]): Promise<KeyframeBlock[]> {
  const sorted = sortByKey(items);
  const blocks: Promise<KeyframeBlock>[] = [];
  for (let start = 0; start < sorted.length;) {
    const positions = new Map<string, number>();
    const parts: string[] = [];
    let chars = 0;
    let index = start;
    for (; index < sorted.length && index - start < maxItems && chars < maxChars; index += 1) {
      const { key, since, hash, data } = sorted[index] as StateItem;
      let at = positions.get(since);
      if (at === undefined) positions.set(since, (at = positions.size));
      const part = JSON.stringify([key, at, hash, data]);
      chars += part.length;
      parts.push(part);
    }
    blocks.push(packBlock((sorted[start] as StateItem).key, positions, parts));
    start = index;
  }
  return await Promise.all(blocks);
}

async function packBlock(first: string, positions: ReadonlyMap<string, number>, parts: readonly string[]): Promise<KeyframeBlock> {
  const packed = await compress(`{"p":${JSON.stringify([...positions.keys()])},"i":[${parts.join(',')}]}`, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  return { first, n: parts.length, packed };
}

/** The items of a block, sorted by key. */
export async function unpackBlock(packed: Uint8Array): Promise<StateItem[]> {
  const { p, i } = JSON.parse((await decompress(packed)).toString()) as Packed;
  return i.map(([key, since, hash, data]) => ({ key, since: p[since] ?? '', hash, data }));
}

/** Packs a set of keys, sorted, so that equal sets have equal bytes. */
export async function packKeys(keys: readonly string[]): Promise<Uint8Array> {
  return await compress(JSON.stringify(keys), { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
}

export async function unpackKeys(packed: Uint8Array): Promise<string[]> {
  return JSON.parse((await decompress(packed)).toString()) as string[];
}

/** By UTF-8 bytes; a list that is sorted already (a collector's usual answer) costs one pass. */
export function sortByKey<T extends { readonly key: string }>(items: readonly T[]): readonly T[] {
  for (let index = 1; index < items.length; index += 1)
    if (compareKeys((items[index - 1] as T).key, (items[index] as T).key) > 0) return items.toSorted((a, b) => compareKeys(a.key, b.key));
  return items;
}
