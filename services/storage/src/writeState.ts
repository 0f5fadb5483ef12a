import { Binary, itemId, packKeyframe, roughSize, type ClientSession, type Database, type Document, type GenerationDocument, type HistoryCollections, type StateItem } from '@gleaner/database';

/** The documents of a new epoch (and of a new generation of items) that are on their way, under one fresh id. */
export interface Written {
  readonly id: string;
  readonly blocks: number;
}

const connections = 3;
const documentsAtOnce = 3_000;
/** A command holds 16 MB of BSON; a text may take three bytes for each of its characters, an item 4 MiB at most. */
const bytesAtOnce = 4 * 1024 ** 2;

/** Writes the parts of a state under a new id. Nobody reads them until a head or an epoch names the id. */
export interface StateWriter {
  readonly id: string;
  items(items: readonly StateItem[]): Promise<void>;
  /** Packs the whole state; how many blocks it has. */
  keyframe(items: readonly StateItem[]): Promise<number>;
}

/** Registers the id first, so that what a crash leaves behind is swept. In a transaction, with `session`, one write follows the other; otherwise a few go at once. */
export async function createStateWriter({ database, session, id, dataset, generation, now }: {
  readonly database: Pick<Database, 'db'>; readonly session?: ClientSession; readonly id: string; readonly dataset: string; readonly generation: boolean; readonly now: Date;
}): Promise<StateWriter> {
  const insert = (collection: string, documents: readonly Document[]): Promise<void> => insertAll({ database, collection, documents, ...(session ? { session } : {}) });
  const registered: GenerationDocument = { _id: id, dataset, at: now, state: session ? 'current' : 'written' };
  // In a transaction nothing is left behind, and a keyframe alone is the epoch's.
  if (!session || generation) await insert('generations', [registered]);
  return {
    id,
    async items(items) {
      const chunks = slices(items, { most: documentsAtOnce, sizeOf: ({ data }) => roughSize(data) });
      const write = async (): Promise<void> => {
        for (let chunk = chunks.shift(); chunk; chunk = chunks.shift())
          await insert('items', chunk.map(({ key, hash, since, data }) => ({ _id: itemId(id, key), key, hash, since, data })));
      };
      await Promise.all(Array.from({ length: session ? 1 : connections }, write));
    },
    async keyframe(items) {
      const blocks = await packKeyframe(items);
      for (const some of slices(blocks, { most: documentsAtOnce, sizeOf: ({ packed }) => packed.length })) await insert('keyframes', some.map(({ first, n, packed }) => ({ _id: { e: id, k: first }, n, z: new Binary(packed) })));
      return blocks.length;
    },
  };
}

/** Writes a whole state, with `generation` its items too; without a session a large one goes before its transaction. */
export async function writeState({ items, generation, session, ...where }: {
  readonly database: Pick<Database, 'db'>; readonly session?: ClientSession; readonly id: string; readonly dataset: string; readonly items: readonly StateItem[]; readonly generation: boolean; readonly now: Date;
}): Promise<Written> {
  const writer = await createStateWriter({ ...where, generation, ...(session ? { session } : {}) });
  if (session) {
    if (generation) await writer.items(items);
    return { id: writer.id, blocks: await writer.keyframe(items) };
  }
  // The items go first: while the database works at them, this process packs the keyframe.
  const [, blocks] = await Promise.all([generation ? writer.items(items) : undefined, writer.keyframe(items)]);
  return { id: writer.id, blocks };
}

/**
 * Makes what was written before belong to the dataset, in the transaction that names it; false where a sweep took it for an orphan: then it must be written anew.
 * A sweep at the same time meets this write.
 */
export async function nameState({ history, session, id, generation }: { readonly history: HistoryCollections; readonly session: ClientSession; readonly id: string; readonly generation: boolean }): Promise<boolean> {
  const written = { _id: id, state: 'written' } as const;
  if (generation) return (await history.generations.updateOne(written, { $set: { state: 'current' } }, { session })).matchedCount === 1;
  return (await history.generations.deleteOne(written, { session })).deletedCount === 1;
}

/** Neighbours that go into one command: at most so many, and no more bytes than it takes. */
function slices<T>(all: readonly T[], { most, sizeOf }: { readonly most: number; readonly sizeOf: (one: T) => number }): T[][] {
  const cut: T[][] = [];
  let bytes = 0;
  for (const one of all) {
    const size = sizeOf(one);
    const last = cut.at(-1);
    if (last && last.length < most && bytes + size <= bytesAtOnce) last.push(one);
    else {
      cut.push([one]);
      bytes = 0;
    }
    bytes += size;
  }
  return cut;
}

/** The plain insert command: the driver's insertMany works out the size of every document before it serializes it, which doubles its cost here. */
async function insertAll({ database, session, collection, documents }: { database: Pick<Database, 'db'>; session?: ClientSession; collection: string; documents: readonly Document[] }): Promise<void> {
  if (documents.length === 0) return;
  const answer = await database.db.command(
    { insert: collection, documents, ordered: false, ...(session ? {} : { writeConcern: { w: 'majority', j: true } }) }, session ? { session } : {});
  const faults = answer['writeErrors'] as readonly { code: number; errmsg: string }[] | undefined;
  const [fault] = faults ?? (answer['writeConcernError'] ? [answer['writeConcernError'] as { code: number; errmsg: string }] : []);
  if (fault) throw Object.assign(new Error(`expected ${documents.length} documents to be inserted into ${collection}: ${fault.errmsg}`), { code: fault.code });
}
