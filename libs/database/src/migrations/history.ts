import type { Migration } from '../setupDatabase.ts';

/** What was gathered. Collections that take much are made with zstd blocks: half the bytes of the default for the same speed here. */
export const history: Migration = {
  version: 3,
  name: 'history',
  async apply({ db }) {
    const there = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name));
    for (const name of ['items', 'versions', 'snapshots'])
      if (!there.has(name)) await db.createCollection(name, { storageEngine: { wiredTiger: { configString: 'block_compressor=zstd' } } });
    // Packed already: another compressor would only cost time.
    for (const name of ['keyframes', 'keysets', 'raws'])
      if (!there.has(name)) await db.createCollection(name, { storageEngine: { wiredTiger: { configString: 'block_compressor=none' } } });
    await db.collection('versions').createIndexes([{ key: { '_id.e': 1, '_id.f': 1 }, name: 'byPosition' }]);
    await db.collection('epochs').createIndexes([{ key: { dataset: 1, position: 1 }, name: 'byPosition', unique: true }]);
    await db.collection('snapshots').createIndexes([
      { key: { dataset: 1, position: 1 }, name: 'byPosition', unique: true },
      { key: { dataset: 1, appliedRev: 1 }, name: 'byRev' },
    ]);
    await db.collection('generations').createIndexes([{ key: { dataset: 1 }, name: 'ofDataset' }, { key: { at: 1 }, name: 'oldest' }]);
    await db.collection('batches').createIndexes([{ key: { run: 1, attempt: 1 }, name: 'ofRun' }, { key: { receivedAt: 1 }, name: 'oldest' }]);
    await db.collection('raws').createIndexes([{ key: { expiresAt: 1 }, name: 'expired', expireAfterSeconds: 0 }, { key: { dataset: 1, run: 1, seq: 1 }, name: 'ofRun' }]);
    await db.collection('requests').createIndexes([{ key: { expiresAt: 1 }, name: 'expired', expireAfterSeconds: 0 }, { key: { dataset: 1, run: 1 }, name: 'ofRun' }]);
    await db.collection('heads').createIndexes([{ key: { deleted: 1, sweptAt: 1 }, name: 'deleted', partialFilterExpression: { deleted: true } }]);
  },
};
