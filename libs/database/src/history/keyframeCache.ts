import type { StateItem } from './storedItem.ts';

/** What was read of keyframes: they never change, and their epochs' ids are never used again, so nothing here can be wrong. */
export interface KeyframeCache {
  /** The first keys of an epoch's blocks, in order. */
  starts(epoch: string): readonly string[] | undefined;
  keepStarts(epoch: string, starts: readonly string[]): void;
  /** The unpacked items of the block that begins with this key. */
  block(epoch: string, first: string): readonly StateItem[] | undefined;
  keepBlock(epoch: string, first: string, items: readonly StateItem[]): void;
}

/**
 * Makes a cache of the blocks and block lists used last: of blocks at most `maxBlockChars` characters of JSON (about 8 blocks of the usual size to a million),
 * of lists at most `maxStarts` keys. Who pages through the past meets the last block of a page again on the next one.
 */
export function createKeyframeCache({ maxBlockChars = 4_000_000, maxStarts = 50_000 }: { readonly maxBlockChars?: number; readonly maxStarts?: number } = {}): KeyframeCache {
  const lists = boundedMap<readonly string[]>({ most: maxStarts, sizeOf: (starts) => starts.length + 1 });
  const blocks = boundedMap<readonly StateItem[]>({ most: maxBlockChars, sizeOf: (items) => items.reduce((sum, { key, json }) => sum + key.length + (json?.length ?? 0) + 100, 100) });
  return {
    starts: (epoch) => lists.get(epoch),
    keepStarts: (epoch, starts) => lists.keep(epoch, starts),
    block: (epoch, first) => blocks.get(`${epoch}.${first}`),
    keepBlock: (epoch, first, items) => blocks.keep(`${epoch}.${first}`, items),
  };
}

/** The values used last, as many as fit into `most`; what is larger than that alone is not kept. */
function boundedMap<T>({ most, sizeOf }: { readonly most: number; readonly sizeOf: (value: T) => number }): { get(key: string): T | undefined; keep(key: string, value: T): void } {
  const kept = new Map<string, { readonly value: T; readonly size: number }>();
  let total = 0;
  const drop = (key: string): void => {
    total -= kept.get(key)?.size ?? 0;
    kept.delete(key);
  };
  return {
    get: (key) => {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      kept.set(key, found);
      return found.value;
    },
    keep: (key, value) => {
      drop(key);
      const size = sizeOf(value);
      if (size > most) return;
      kept.set(key, { value, size });
      total += size;
      for (const oldest of kept.keys()) {
        if (total <= most) return;
        drop(oldest);
      }
    },
  };
}
