import { setTimeout as sleep } from 'node:timers/promises';
import { latenessOf, withStage, type SchedulingRow, type SchedulingServers } from './schedulingBench.ts';
import { seedJobs } from './seedJobs.ts';
import { withSchedulerProcess } from './withSchedulerProcess.ts';

/** Jobs that are all due in the same second: how long until the last tick was confirmed. */
export async function burst({ servers, jobs = 10_000 }: { readonly servers: SchedulingServers; readonly jobs?: number }): Promise<SchedulingRow[]> {
  return await withStage(servers, async ({ database, mongoUrl, amqpUrl }) => {
    const first = Math.ceil(database.clock.now().getTime() / 1_000) * 1_000 + 15_000 + jobs;
    await seedJobs({ database, count: jobs, schedule: () => ({ every: '1h', start: new Date(first).toISOString() }) });
    return await withSchedulerProcess({ mongoUrl, amqpUrl }, async () => {
      await sleep(first + 8_000 - database.clock.now().getTime());
      const { count, p50, p99, last, distinct } = await latenessOf({ database, from: new Date(first), until: new Date(first + 1) });
      return [{ name: 'burst until all are confirmed', value: last.getTime() - first, unit: 'ms', jobs, published: count, lost: jobs - distinct, doubled: count - distinct, p50Ms: p50, p99Ms: p99 }];
    });
  });
}

if (import.meta.main) {
  const { startServers } = await import('../parts/startServers.ts');
  const servers = await startServers(() => undefined);
  try {
    for (const row of await burst({ servers, jobs: Number(process.argv[2] ?? 10_000) })) console.log(JSON.stringify(row));
  } finally {
    await servers.stop();
  }
}
