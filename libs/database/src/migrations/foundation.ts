import type { Migration } from '../setupDatabase.ts';

/** Jobs, the ledger, leases and letters. Every scan that a service repeats has its index here. */
export const foundation: Migration = {
  version: 1,
  name: 'foundation',
  async apply({ db }) {
    await db.collection('jobs').createIndexes([
      { key: { deleted: 1, _id: 1 }, name: 'alive' },
      { key: { changedAt: 1 }, name: 'changed' },
    ]);
    await db.collection('revisions').createIndexes([{ key: { job: 1, version: -1 }, name: 'ofJob' }, { key: { job: 1, changedAt: 1 }, name: 'ofJobByTime' }]);
    await db.collection('runs').createIndexes([
      { key: { job: 1, scheduledAt: -1, _id: -1 }, name: 'ofJob' },
      { key: { insertedAt: -1, _id: -1 }, name: 'newest' },
      { key: { state: 1, insertedAt: -1, _id: -1 }, name: 'ofState' },
      // The leader's scans look at unended runs only: small however long the ledger grows.
      { key: { state: 1, dueAt: 1 }, name: 'due', partialFilterExpression: { state: 'due' } },
      { key: { state: 1, publishedAt: 1, queuedAt: 1 }, name: 'queued', partialFilterExpression: { state: 'queued' } },
      { key: { state: 1, lastSignAt: 1 }, name: 'running', partialFilterExpression: { state: 'running' } },
      { key: { state: 1, nextAttemptAt: 1 }, name: 'retrying', partialFilterExpression: { state: 'retrying' } },
      { key: { job: 1, state: 1 }, name: 'ofJobByState' },
      { key: { unsettled: 1 }, name: 'unsettled', partialFilterExpression: { unsettled: { $exists: true } } },
      { key: { 'decision.at': 1 }, name: 'decided', partialFilterExpression: { state: 'quarantined' } },
      { key: { job: 1, idempotencyKey: 1 }, name: 'idempotency', unique: true, partialFilterExpression: { idempotencyKey: { $exists: true } } },
    ]);
    await db.collection('deadLetters').createIndexes([
      { key: { deadAt: -1, _id: -1 }, name: 'newest' },
      { key: { state: 1, deadAt: -1, _id: -1 }, name: 'ofState' },
      { key: { job: 1, deadAt: -1 }, name: 'ofJob' },
      { key: { run: 1 }, name: 'ofRun' },
      { key: { 'replay.requestedAt': 1 }, name: 'toReplay', partialFilterExpression: { state: 'parked' } },
    ]);
  },
};
