import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { exactJson } from '@gleaner/contracts';
import { compareKeys } from './historyIds.ts';
import { StoredItem, type StateItem } from './storedItem.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export interface KeyframeBlock {
  /** First key in it. */
  readonly first: string;
  readonly n: number;
  readonly packed: Uint8Array;
}

/** Enough items for zstd to see what repeats, few enough that a page unpacks only two or three blocks. */
const maxItems = 500;
const maxChars = 1_000_000;

/** The first line of a block; the items' data follow it, each as so many characters of JSON, without anything between. */
interface Packed {
  /** The positions that `i` refers to: a snapshot's items began at few of them. */
  readonly p: readonly string[];
  readonly i: readonly (readonly [key: string, since: number, hash: string, length: number])[];
}

/** Packs a state into blocks of at most 500 items (or about 1 MB of JSON), sorted by key. The data comes back as JSON gives it. */
export async function packKeyframe(items: readonly StateItem[]): Promise<KeyframeBlock[]> {
  const sorted = sortByKey(items);
  const blocks: Promise<KeyframeBlock>[] = [];
  for (let start = 0; start < sorted.length;) {
    const positions = new Map<string, number>();
    const index: Packed['i'][number][] = [];
    const texts: string[] = [];
    let chars = 0;
    let end = start;
    for (; end < sorted.length && end - start < maxItems && chars < maxChars; end += 1) {
      const item = sorted[end] as StateItem;
      const { key, since, hash } = item;
      let at = positions.get(since);
      if (at === undefined) positions.set(since, (at = positions.size));
      const text = item.json ?? exactJson(item.data);
      chars += text.length;
      index.push([key, at, hash, text.length]);
      texts.push(text);
    }
    blocks.push(packBlock((sorted[start] as StateItem).key, [...positions.keys()], index, texts));
    start = end;
  }
  return await Promise.all(blocks);
}

/**
 * A block of this size is packed or unpacked before a thread of the pool would have taken it up. Packed on threads, all blocks of a state hold a compressor each at
 * one time, whose memory hurries the garbage collector: a first gather of 17,428 items took storage 310 ms of processor time so, and takes 200 this way.
 */
const smallBlock = 200_000;
const quick = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

async function packBlock(first: string, positions: readonly string[], index: Packed['i'], texts: readonly string[]): Promise<KeyframeBlock> {
  const head: Packed = { p: positions, i: index };
  const text = `${JSON.stringify(head)}\n${texts.join('')}`;
  return { first, n: texts.length, packed: text.length <= smallBlock ? zstdCompressSync(text, quick) : await compress(text, quick) };
}

/** The items of a block, sorted by key; their data stays text until it is asked for. */
export async function unpackBlock(packed: Uint8Array): Promise<StateItem[]> {
  const text = (packed.length <= smallBlock ? zstdDecompressSync(packed) : await decompress(packed)).toString();
  const line = text.indexOf('\n');
  const { p, i } = JSON.parse(text.slice(0, line)) as Packed;
  let at = line + 1;
  return i.map(([key, since, hash, length]) => new StoredItem(key, hash, p[since] ?? '', text.slice(at, (at += length))));
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
