import type { StorageParts } from '../storageParts.ts';
import { moveHorizon, type Retention } from './moveHorizon.ts';
import { sweepHistory } from './sweepHistory.ts';

/** Keeps every job's retention: moves horizons, then takes away what they have passed. How many datasets moved. */
export async function sweepRetention({ parts }: { readonly parts: StorageParts }): Promise<number> {
  const { database, history, log } = parts;
  let moved = 0;
  const jobs = database.collections.jobs.find({ deleted: { $exists: false }, 'definition.retention': { $exists: true } }, { projection: { dataset: 1, 'definition.retention': 1 }, batchSize: 500 });
  for await (const { _id: job, dataset, definition } of jobs) {
    const head = await history.heads.findOne({ _id: dataset }, { readConcern: { level: 'majority' } });
    if (head === null || head.position === undefined) continue;
    const retention = definition.retention as Retention | undefined;
    if (retention === undefined) continue;
    await moveHorizon({ parts, head, retention, now: database.clock.now() });
    const now = await history.heads.findOne({ _id: dataset });
    // Rows go last: where one is left, a sweep is due, or was cut short.
    if (now?.horizon === undefined || (await history.snapshots.findOne({ dataset, position: { $lt: now.horizon } }, { projection: { _id: 1 } })) === null) continue;
    const swept = await sweepHistory({ parts, head: now });
    moved += 1;
    log.info({ job, dataset, horizon: now.horizon, ...swept }, 'retention was kept');
  }
  return moved;
}
