import { Binary, itemId, packKeyframe, type ClientSession, type HistoryCollections, type StateItem } from '@gleaner/database';

/** The documents of a new epoch (and of a new generation of items) that are on their way, under one fresh id. */
export interface Written {
  readonly id: string;
  readonly blocks: number;
}

const connections = 3;

/**
 * Writes a whole state under a new id: its keyframe, and with `generation` the items. Nobody reads them until a head or an epoch names the id,
 * so a large one goes before its transaction, on a few connections at once. What a crash leaves behind is registered first, and swept.
 */
export async function writeState({ history, session, id, dataset, items, generation, now }: {
  readonly history: HistoryCollections; readonly session?: ClientSession; readonly id: string; readonly dataset: string; readonly items: readonly StateItem[]; readonly generation: boolean; readonly now: Date;
}): Promise<Written> {
  const options = session ? { session } : {};
  const packing = packKeyframe(items);
  await history.generations.insertOne({ _id: id, dataset, at: now, epoch: id }, options);
  const writeKeyframe = async (): Promise<number> => {
    const blocks = await packing;
    if (blocks.length > 0) await history.keyframes.insertMany(blocks.map(({ first, n, packed }) => ({ _id: { e: id, k: first }, n, z: new Binary(packed) })), { ordered: false, ...options });
    return blocks.length;
  };
  if (session) {
    if (generation) await insertItems({ history, id, items, options });
    return { id, blocks: await writeKeyframe() };
  }
  const share = Math.ceil(items.length / connections);
  const parts = generation ? Array.from({ length: connections }, (_, part) => items.slice(part * share, (part + 1) * share)) : [];
  const [blocks] = await Promise.all([writeKeyframe(), ...parts.map((part) => insertItems({ history, id, items: part, options }))]);
  return { id, blocks };
}

const insertAtOnce = 5_000;

async function insertItems({ history, id, items, options }: { history: HistoryCollections; id: string; items: readonly StateItem[]; options: { session?: ClientSession } }): Promise<void> {
  for (let start = 0; start < items.length; start += insertAtOnce)
    await history.items.insertMany(
      items.slice(start, start + insertAtOnce).map(({ key, hash, since, data }) => ({ _id: itemId(id, key), key, hash, since, data })),
      { ordered: false, ...options },
    );
}
