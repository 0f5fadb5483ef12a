import { describe, expect, it } from '@jest/globals';
import { Binary } from 'mongodb';
import { withDatabase } from '../../../../test/support/withDatabase.ts';
import { atOneTime, createKeyframeCache, historyCollectionsOf, packKeyframe, readState, streamState, type Database, type EpochStart, type HistoryCollections, type KeyframeCache } from '../index.ts';
import { compareKeys } from './historyIds.ts';

const withEpoch = (fn: (given: { readonly database: Database; readonly history: HistoryCollections; readonly epoch: EpochStart }) => Promise<void>): Promise<void> =>
  withDatabase((database) => fn({ database, history: historyCollectionsOf(database.db), epoch: { _id: 'E', position: position(0) } }));
const position = (second: number): string => `${new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()}|job@${second}`;
const key = (index: number): string => `k${String(index).padStart(5, '0')}`;

/** 2,200 items in five blocks, keys with gaps between them. */
async function keyframe({ history, epoch }: { history: HistoryCollections; epoch: EpochStart }): Promise<void> {
  const blocks = await packKeyframe(Array.from({ length: 2_200 }, (_, index) => ({ key: key(index * 2), hash: 'h', since: position(0), data: { index } })));
  expect(blocks).toHaveLength(5);
  await history.keyframes.insertMany(blocks.map(({ first, n, packed }) => ({ _id: { e: epoch._id, k: first }, n, z: new Binary(packed) })));
}
const entry = (k: string, second: number, removed = false) => ({ _id: { e: 'E', k, f: position(second) }, ...(removed ? { removed: true as const } : { hash: `h${second}`, data: { k, second } }) });

describe('streamState', () => {
  it('gives the same as the whole state, from any key on, whatever is asked for and however the log lies', () => withEpoch(async ({ database, history, epoch }) => {
    await keyframe({ history, epoch });
    const before = [entry('a', 3), entry('b', 3), entry('b', 4, true)];
    const within = Array.from({ length: 300 }, (_, index) => [entry(key(index * 13), 2, index % 3 === 0), entry(key(index * 13), 5, index % 5 === 0)]).flat();
    // A whole block's items are gone, and one key alone has more entries behind the last block than are read at once.
    const gone = Array.from({ length: 500 }, (_, index) => entry(key((500 + index) * 2), 1, true)).filter(({ _id }) => !within.some((other) => other._id.k === _id.k && other._id.f === _id.f));
    const busy = Array.from({ length: 2_500 }, (_, index) => entry('zz-busy', index + 10));
    const behind = Array.from({ length: 3_000 }, (_, index) => entry(`z${String(index).padStart(5, '0')}`, 6, index % 7 === 0));
    // Keys between the last of a block and the first of the next belong to neither.
    const between = [entry(key(999), 2), entry(key(1_999), 2), entry(key(2_999), 5)];
    await history.versions.insertMany([...before, ...within, ...between, ...gone, ...busy, ...behind, entry('zzz', 7)]);
    const cache = createKeyframeCache({ maxBlockChars: 200_000 });
    let turn = 0;
    for (const at of [position(0), position(2), position(5), position(2_509)]) {
      const state = await atOneTime({ database }, (session) => readState({ history, session, epoch, at }));
      const expected = [...state].map(([name, { since, data }]) => ({ key: name, since, data })).toSorted((a, b) => compareKeys(a.key, b.key));
      for (const after of [undefined, '', 'a', 'b', 'k', key(0), key(1), key(998), key(999), key(1_000), key(2_500), key(4_398), key(9_000), 'z01000', 'zz-busy', 'zzz']) {
        const [likely, with_] = ([[1, undefined], [1_001, cache], [100_000, undefined]] as const)[(turn += 1) % 3] ?? [1, undefined];
        expect(await taken({ database, history, epoch, at, after, count: 1_001, expect: likely, cache: with_ })).toEqual(expected.filter((item) => after === undefined || compareKeys(item.key, after) > 0).slice(0, 1_001));
      }
    }
  }), 120_000);

  it('reads the log of the keys of a page alone, and each block once for pages in a row', () => withEpoch(async ({ database, history, epoch }) => {
    await keyframe({ history, epoch });
    await history.versions.insertMany(Array.from({ length: 4_400 }, (_, index) => entry(key(index), 1)));
    const read: number[] = [];
    const counting = <T extends object>(collection: T): T => new Proxy(collection, { get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'find') return value.bind(target);
      return (...args: unknown[]) => {
        const cursor = value.apply(target, args) as { toArray(): Promise<unknown[]> };
        const toArray = cursor.toArray.bind(cursor);
        cursor.toArray = async () => { const found = await toArray(); read.push(found.length); return found; };
        return cursor;
      };
    } });
    const cache = createKeyframeCache();
    const page = (after?: string) => taken({ database, history: { ...history, versions: counting(history.versions), keyframes: counting(history.keyframes) }, epoch, at: position(9), after, count: 1_001, expect: 1_001, cache });
    const first = await page();
    expect(first).toHaveLength(1_001);
    expect(read.toSorted((a, b) => a - b)).toEqual([3, 5, 3_000]); // three blocks, where all five begin, and the entries of just those keys
    read.length = 0;
    expect(await page(first[499]?.key)).toHaveLength(1_001);
    expect(read).toEqual([2_500]); // its blocks are those of the page before
  }));
});

async function taken({ database, count, ...streamed }: { database: Database; history: HistoryCollections; epoch: EpochStart; at: string; after: string | undefined; count: number; expect: number; cache: KeyframeCache | undefined }): Promise<{ key: string; since: string; data: unknown }[]> {
  return await atOneTime({ database }, async (session) => {
    const items: { key: string; since: string; data: unknown }[] = [];
    for await (const chunk of streamState({ ...streamed, session })) {
      for (const { key: name, since, data } of chunk) if (items.length < count) items.push({ key: name, since, data });
      if (items.length === count) break;
    }
    return items;
  });
}
