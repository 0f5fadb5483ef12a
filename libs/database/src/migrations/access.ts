import type { Migration } from '../setupDatabase.ts';

/** Keys, sessions and the audit. */
export const access: Migration = {
  version: 2,
  name: 'access',
  async apply({ db }) {
    await db.collection('keys').createIndexes([{ key: { hash: 1 }, name: 'hash', unique: true }, { key: { createdAt: -1, _id: -1 }, name: 'newest' }]);
    await db.collection('sessions').createIndexes([{ key: { expiresAt: 1 }, name: 'expired', expireAfterSeconds: 0 }, { key: { key: 1 }, name: 'ofKey' }]);
    await db.collection('audit').createIndexes([{ key: { target: 1, _id: -1 }, name: 'ofTarget' }, { key: { by: 1, _id: -1 }, name: 'byKey' }, { key: { action: 1, _id: -1 }, name: 'ofAction' }]);
  },
};
