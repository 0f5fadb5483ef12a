import type { Migration } from '../setupDatabase.ts';

/** What commands with an Idempotency-Key were answered. */
export const idempotency: Migration = {
  version: 5,
  name: 'idempotency',
  async apply({ db }) {
    await db.collection('idempotency').createIndexes([{ key: { expiresAt: 1 }, name: 'expired', expireAfterSeconds: 0 }]);
  },
};
