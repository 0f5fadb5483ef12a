import type { PricedItem } from '../core/changeItems.ts';
import { keptOf } from './auctionData.ts';
import type { Bench } from './bench.ts';
import type { BenchGleaner } from './withGleaner.ts';
import { withPythonPeers } from './withPythonPeers.ts';

/** How long each takes to read a page, by ms. Gleaner over HTTP; the others the query and the JSON, in their own process, without HTTP. */
export interface PageReads {
  readonly gleaner: readonly number[];
  /** Node and the bare driver. */
  readonly raw: readonly number[];
  readonly pymongo: readonly number[];
  readonly mongoengine: readonly number[];
}

/** Who reads beside Gleaner. */
export const readers = [{ who: 'raw', name: 'the bare driver in Node' }, { who: 'pymongo', name: 'pymongo' }, { who: 'mongoengine', name: 'mongoengine' }] as const;

/** What a reader of such lines must know. */
export const besideReaders = 'Gleaner over HTTP with a key, from asking to the last byte; the others query and JSON in their own process, without HTTP. In turns, one page at a time, the same list.';

const [limit, path] = [1_000, '/copies'];

/**
 * Has the bare driver and the Python peers keep a whole copy of each list, and all read pages of 1,000 items in turns: of the newest copy, with `past` of a random one.
 * `gleaner` reads one of Gleaner's pages, of the same list (by its place) where it is asked for one; ms.
 */
export async function readCopies({ bench, on: { upstream, database }, lists, reads, past = false, gleaner }: {
  readonly bench: Bench; readonly on: Pick<BenchGleaner, 'upstream' | 'database'>; readonly lists: readonly (readonly PricedItem[])[]; readonly reads: number; readonly past?: boolean;
  readonly gleaner: (list: number | undefined) => Promise<number>;
}): Promise<PageReads> {
  const copies = database.db.collection('raw_copies');
  await copies.createIndexes([{ key: { copy: 1, id: 1 } }]);
  const raw = async (copy: number): Promise<number> => {
    const began = performance.now();
    const found = await copies.find({ copy }, { projection: { _id: 0, copy: 0 }, sort: { id: 1 }, limit, batchSize: limit + 1 }).toArray();
    JSON.stringify(found);
    if (found.length !== limit) throw new Error(`expected ${limit} items of a copy; saw ${found.length}`);
    return performance.now() - began;
  };
  return await withPythonPeers({ bench, upstream }, async (peers) => {
    const moments: string[] = [];
    for (const [copy, list] of lists.entries()) {
      await copies.insertMany(list.map((item) => ({ copy, ...keptOf(item) })));
      upstream.serve(path, { body: JSON.stringify(list) });
      for (const how of ['pymongo', 'mongoengine'] as const) await peers.gather({ how, path, collection: 'copies' });
      moments.push(new Date().toISOString());
    }
    await peers.indexCopies('copies');
    const found = { gleaner: [] as number[], raw: [] as number[], pymongo: [] as number[], mongoengine: [] as number[] };
    for (let read = -5; read < reads; read += 1) {
      const list = past ? Math.floor(Math.random() * lists.length) : undefined;
      const at = list === undefined ? undefined : moments[list];
      const of = { collection: 'copies', limit, ...(at === undefined ? {} : { at }) };
      const ms = { gleaner: await gleaner(list), raw: await raw(list ?? lists.length - 1), pymongo: await peers.read({ how: 'pymongo', ...of }), mongoengine: await peers.read({ how: 'mongoengine', ...of }) };
      if (read < 0) continue; // the first ones only warm up
      for (const who of ['gleaner', 'raw', 'pymongo', 'mongoengine'] as const) found[who].push(ms[who]);
    }
    return found;
  });
}
