import type { Migration } from '../setupDatabase.ts';

/** What the leader looks things up by. */
export const scheduling: Migration = {
  version: 4,
  name: 'scheduling',
  async apply({ db }) {
    await db.collection('schedules').createIndexes([{ key: { nextFire: 1 }, name: 'next', partialFilterExpression: { nextFire: { $exists: true } } }]);
    await db.collection('origins').createIndexes([{ key: { pausedUntil: 1 }, name: 'paused' }]);
    await db.collection('runs').createIndexes([
      { key: { expiresAt: 1 }, name: 'expiring', partialFilterExpression: { expiresAt: { $exists: true } } },
      // Slots at an origin are held past a run's end; see the scheduler's originSlots.
      { key: { slotUntil: 1 }, name: 'slots', partialFilterExpression: { slotUntil: { $exists: true } } },
    ]);
  },
};
