import type { Migration } from '../setupDatabase.ts';

/** Generations say themselves what has become of them: a sweep looks only at those that it may have to take away. Heads count the bytes of their log. */
export const generations: Migration = {
  version: 6,
  name: 'generations',
  async apply({ db }) {
    const all = db.collection('generations');
    await all.createIndexes([{ key: { state: 1, at: 1 }, name: 'toSweep' }]);
    for await (const { _id, dataset } of all.find({ state: { $exists: false } })) {
      const current = await db.collection('heads').findOne({ _id: dataset, generation: _id as unknown as string });
      const named = await db.collection('epochs').findOne({ _id });
      await all.updateOne({ _id, state: { $exists: false } }, { $set: { state: current ? 'current' : named ? 'replaced' : 'written' } });
    }
    if (await all.indexExists('oldest')) await all.dropIndex('oldest');
    // Nothing is known of epochs that began before: they end by the least size that ends one.
    await db.collection('heads').updateMany({ epoch: { $exists: true }, 'epoch.bytes': { $exists: false } }, { $set: { 'epoch.bytes': 0, 'epoch.stateBytes': 0 } });
  },
};
