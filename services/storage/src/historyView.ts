import { epochAt, knownOf, readKnown, readState, unpackKeys, type ClientSession, type HeadDocument, type HistoryCollections, type Known, type SnapshotDocument } from '@gleaner/database';
import type { HistoryView, Row } from './core/applyPlan.ts';

/** A snapshot row as the rules see it. */
export const rowOf = ({ position, kind, keys, epoch, counts }: SnapshotDocument): Row =>
  ({ position, kind, total: counts.total, ...(keys === undefined ? {} : { keys }), ...(epoch === undefined ? {} : { epoch }) });

/** The history of a dataset for the rules, read in one session at one time. Sets of keys are kept while the view lives. */
export function historyView({ history, session, head }: { readonly history: HistoryCollections; readonly session: ClientSession; readonly head: HeadDocument }): HistoryView {
  const dataset = head._id;
  const keysets = new Map<string, Promise<ReadonlySet<string>>>();
  const epochOf = async (position: string) => {
    const epoch = await epochAt({ history, session, dataset, position });
    if (epoch === null) throw new Error(`expected an epoch at or before ${position} in dataset ${dataset}; there is none`);
    return epoch;
  };
  return {
    async rowBefore(position) {
      const row = await readRowBefore({ history, session, head, position });
      return row ? rowOf(row) : undefined;
    },
    rowsAfter: async (position) => (await history.snapshots.find({ dataset, position: { $gt: position } }, { sort: { position: 1 }, session }).toArray()).map(rowOf),
    async keysOf({ keys }) {
      if (keys === undefined) return new Set();
      let set = keysets.get(keys);
      if (!set) keysets.set(keys, (set = readKeyset({ history, session, dataset, name: keys })));
      return await set;
    },
    async epochAt(position) {
      const { _id, position: begins } = await epochOf(position);
      return { id: _id, position: begins };
    },
    epochsAfter: async (position) => (await history.epochs.find({ dataset, position: { $gt: position } }, { sort: { position: 1 }, session }).toArray()).map(({ _id, position: begins }) => ({ id: _id, position: begins })),
    async stateAt(position, keys): Promise<ReadonlyMap<string, Known>> {
      const epoch = await epochOf(position);
      // Beyond some thousand keys reading all is less work than looking each up.
      if (keys === undefined) return await readState({ history, session, epoch, at: position });
      if (keys.length > 2_000) {
        const all = await readState({ history, session, epoch, at: position });
        return new Map(keys.flatMap((key) => (all.has(key) ? [[key, all.get(key) as Known] as const] : [])));
      }
      return await readKnown({ history, session, epoch, at: position, keys });
    },
    async entriesAt(epoch, position) {
      const entries = await history.versions.find({ '_id.e': epoch, '_id.f': position }, { batchSize: 10_000, session }).toArray();
      return new Map(entries.map((entry) => [entry._id.k, knownOf(entry)]));
    },
  };
}

/** The newest readable row before a position. */
export async function readRowBefore({ history, session, head: { _id: dataset, horizon }, position }: { readonly history: HistoryCollections; readonly session: ClientSession; readonly head: HeadDocument; readonly position: string }): Promise<SnapshotDocument | null> {
  return await history.snapshots.findOne({ dataset, position: { ...(horizon === undefined ? {} : { $gte: horizon }), $lt: position } }, { sort: { position: -1 }, session });
}

/** The keys that a partial snapshot observed; a set may lie in several parts. */
async function readKeyset({ history, session, dataset, name }: { readonly history: HistoryCollections; readonly session?: ClientSession; readonly dataset: string; readonly name: string }): Promise<ReadonlySet<string>> {
  const prefix = `${dataset}.${name}`;
  const parts = await history.keysets.find({ _id: { $gte: `${prefix}.`, $lt: `${prefix}/` } }, { sort: { _id: 1 }, ...(session ? { session } : {}) }).toArray();
  return new Set((await Promise.all(parts.map(({ z }) => unpackKeys(z.buffer)))).flat());
}
