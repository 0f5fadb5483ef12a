import type { Migration } from '../setupDatabase.ts';

/**
 * A sweep looks only at those generations that it may have to take away. What the documents of before say nothing of (states, bytes) is found out as they are met:
 * storages of before go on writing such while the setup runs, and after it.
 */
export const generations: Migration = {
  version: 6,
  name: 'generations',
  async apply({ db }) {
    const all = db.collection('generations');
    await all.createIndexes([{ key: { state: 1, at: 1 }, name: 'toSweep' }]);
    if (await all.indexExists('oldest')) await all.dropIndex('oldest');
  },
};
