import type { Bench } from './bench.ts';
import type { Upstream } from './startUpstream.ts';
import { withPythonPeers } from './withPythonPeers.ts';

/** How long whoever keeps whole copies takes to read a page of 1,000 items of one, by ms: the query and the JSON, in the peer's own process, without HTTP. */
export interface CopyReads {
  readonly pymongo: readonly number[];
  readonly mongoengine: readonly number[];
}

/** Has the Python peers write so many copies of what upstream answers, and read pages of them: of random ones with `past`, else of the newest. */
export async function readCopies({ bench, upstream, path, copies, reads, past = false }: {
  readonly bench: Bench; readonly upstream: Upstream; readonly path: string; readonly copies: number; readonly reads: number; readonly past?: boolean;
}): Promise<CopyReads> {
  return await withPythonPeers({ bench, upstream }, async (peers) => {
    const moments: string[] = [];
    for (let copy = 0; copy < copies; copy += 1) {
      for (const how of ['pymongo', 'mongoengine'] as const) await peers.gather({ how, path, collection: 'copies' });
      moments.push(new Date().toISOString());
    }
    await peers.indexCopies('copies');
    const found: { readonly pymongo: number[]; readonly mongoengine: number[] } = { pymongo: [], mongoengine: [] };
    for (let read = -5; read < reads; read += 1) {
      const at = past ? moments[Math.floor(Math.random() * moments.length)] : undefined;
      for (const how of ['pymongo', 'mongoengine'] as const) {
        const ms = await peers.read({ how, collection: 'copies', limit: 1_000, ...(at === undefined ? {} : { at }) });
        if (read >= 0) found[how].push(ms); // the first ones only warm up
      }
    }
    return found;
  });
}
