import { isDatabaseAway } from '@gleaner/database';
import type { StorageParts } from '../storageParts.ts';
import { moveHorizon, type Retention } from './moveHorizon.ts';
import { sweepHistory, type Swept } from './sweepHistory.ts';

/** Keeps every job's retention: moves horizons, then takes away what they have passed. How many datasets moved. */
export async function sweepRetention({ parts }: { readonly parts: StorageParts }): Promise<number> {
  const { database, log } = parts;
  let moved = 0;
  const jobs = database.collections.jobs.find({ deleted: { $exists: false }, 'definition.retention': { $exists: true } }, { projection: { dataset: 1, 'definition.retention': 1 }, batchSize: 500 });
  for await (const { _id: job, dataset, definition } of jobs) {
    const retention = definition.retention as Retention | undefined;
    if (retention === undefined) continue;
    try {
      const swept = await sweepDataset({ parts, dataset, retention });
      if (!swept) continue;
      moved += 1;
      log.info({ job, dataset, ...swept }, 'retention was kept');
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      log.warn({ err: error, job, dataset }, 'retention was not kept yet; the next sweep goes on');
    }
  }
  return moved;
}

/** Undefined where nothing was to be taken away. */
async function sweepDataset({ parts, dataset, retention }: { parts: StorageParts; dataset: string; retention: Retention }): Promise<(Swept & { readonly horizon: string }) | undefined> {
  const { database, history } = parts;
  const head = await history.heads.findOne({ _id: dataset }, { readConcern: { level: 'majority' } });
  if (head === null || head.position === undefined) return undefined;
  await moveHorizon({ parts, head, retention, now: database.clock.now() });
  const now = await history.heads.findOne({ _id: dataset }, { readConcern: { level: 'majority' } });
  // Rows go last: where one is left, a sweep is due, or was cut short.
  if (now?.horizon === undefined || (await history.snapshots.findOne({ dataset, position: { $lt: now.horizon } }, { projection: { _id: 1 } })) === null) return undefined;
  return { horizon: now.horizon, ...(await sweepHistory({ parts, head: now })) };
}
