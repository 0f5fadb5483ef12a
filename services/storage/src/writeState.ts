import { Binary, itemId, packKeyframe, type ClientSession, type Database, type Document, type StateItem } from '@gleaner/database';

/** The documents of a new epoch (and of a new generation of items) that are on their way, under one fresh id. */
export interface Written {
  readonly id: string;
  readonly blocks: number;
}

const connections = 3;
const itemsAtOnce = 3_000;
const blocksAtOnce = 20;

/** Writes the parts of a state under a new id. Nobody reads them until a head or an epoch names the id. */
export interface StateWriter {
  readonly id: string;
  items(items: readonly StateItem[]): Promise<void>;
  /** Packs the whole state; how many blocks it has. */
  keyframe(items: readonly StateItem[]): Promise<number>;
}

/** Registers the id first, so that what a crash leaves behind is swept. In a transaction, with `session`, one write follows the other; otherwise a few go at once. */
export async function createStateWriter({ database, session, id, dataset, now }: {
  readonly database: Pick<Database, 'db'>; readonly session?: ClientSession; readonly id: string; readonly dataset: string; readonly now: Date;
}): Promise<StateWriter> {
  const insert = (collection: string, documents: readonly Document[]): Promise<void> => insertAll({ database, collection, documents, ...(session ? { session } : {}) });
  await insert('generations', [{ _id: id, dataset, at: now, epoch: id }]);
  return {
    id,
    async items(items) {
      const chunks = slices(items, itemsAtOnce);
      const write = async (): Promise<void> => {
        for (let chunk = chunks.shift(); chunk; chunk = chunks.shift())
          await insert('items', chunk.map(({ key, hash, since, data }) => ({ _id: itemId(id, key), key, hash, since, data })));
      };
      await Promise.all(Array.from({ length: session ? 1 : connections }, write));
    },
    async keyframe(items) {
      const blocks = await packKeyframe(items);
      for (const some of slices(blocks, blocksAtOnce)) await insert('keyframes', some.map(({ first, n, packed }) => ({ _id: { e: id, k: first }, n, z: new Binary(packed) })));
      return blocks.length;
    },
  };
}

/** Writes a whole state, with `generation` its items too; without a session a large one goes before its transaction. */
export async function writeState({ items, generation, session, ...where }: {
  readonly database: Pick<Database, 'db'>; readonly session?: ClientSession; readonly id: string; readonly dataset: string; readonly items: readonly StateItem[]; readonly generation: boolean; readonly now: Date;
}): Promise<Written> {
  const writer = await createStateWriter({ ...where, ...(session ? { session } : {}) });
  if (session) {
    if (generation) await writer.items(items);
    return { id: writer.id, blocks: await writer.keyframe(items) };
  }
  // The items go first: while the database works at them, this process packs the keyframe.
  const [, blocks] = await Promise.all([generation ? writer.items(items) : undefined, writer.keyframe(items)]);
  return { id: writer.id, blocks };
}

const slices = <T>(all: readonly T[], size: number): T[][] => Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.slice(index * size, (index + 1) * size));

/** The plain insert command: the driver's insertMany works out the size of every document before it serializes it, which doubles its cost here. */
async function insertAll({ database, session, collection, documents }: { database: Pick<Database, 'db'>; session?: ClientSession; collection: string; documents: readonly Document[] }): Promise<void> {
  if (documents.length === 0) return;
  const answer = await database.db.command(
    { insert: collection, documents, ordered: false, ...(session ? {} : { writeConcern: { w: 'majority', j: true } }) }, session ? { session } : {});
  const faults = answer['writeErrors'] as readonly { code: number; errmsg: string }[] | undefined;
  const [fault] = faults ?? (answer['writeConcernError'] ? [answer['writeConcernError'] as { code: number; errmsg: string }] : []);
  if (fault) throw Object.assign(new Error(`expected ${documents.length} documents to be inserted into ${collection}: ${fault.errmsg}`), { code: fault.code });
}
