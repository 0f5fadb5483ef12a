import type { Database } from '@gleaner/database';

/**
 * Takes back what was inserted ahead for a job that has changed since: rows still `due` of fires at or after the change.
 * Watermark and rows in one transaction, so that the new version's own fires are counted from the change on. A row may lie beyond the watermark, where its
 * leader died between the two. The ids of the rows taken back.
 */
export async function withdrawAhead({ database, job }: { readonly database: Database; readonly job: string }): Promise<string[]> {
  const { schedules, revisions, runs } = database.collections;
  const mark = await schedules.findOne({ _id: job });
  if (mark === null) return [];
  const change = await revisions.findOne({ job, version: { $gt: mark.version } }, { projection: { changedAt: 1 }, sort: { version: 1 } });
  if (change === null) return [];
  const since = change.changedAt;
  return await database.transaction(async (session) => {
    const ofFires = { job, trigger: { $in: ['schedule', 'catch-up'] as ('schedule' | 'catch-up')[] }, scheduledAt: { $gte: since } };
    const ahead = await runs.find({ ...ofFires, state: 'due', attempts: 0 }, { session, projection: { _id: 1 } }).toArray();
    const ids = ahead.map(({ _id }) => _id);
    if (ids.length === 0) return [];
    await runs.deleteMany({ _id: { $in: ids } }, { session });
    const [newest] = await runs.find(ofFires, { session, projection: { scheduledAt: 1, through: 1 }, sort: { scheduledAt: -1 }, limit: 1 }).toArray();
    // Never on: what lies between the watermark and the change is still to be accounted for.
    const through = new Date(Math.min(mark.through.getTime(), Math.max(since.getTime() - 1, (newest?.through ?? newest?.scheduledAt ?? since).getTime() - (newest ? 0 : 1))));
    await schedules.updateOne({ _id: job, through: mark.through }, { $set: { through } }, { session });
    return ids;
  });
}
