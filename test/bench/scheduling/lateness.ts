import { setTimeout as sleep } from 'node:timers/promises';
import { processMemory } from '../parts/processMemory.ts';
import { latenessOf, withStage, type SchedulingRow, type SchedulingServers } from './schedulingBench.ts';
import { seedJobs } from './seedJobs.ts';
import { withSchedulerProcess } from './withSchedulerProcess.ts';

/** Jobs spread evenly over a minute, each firing once in it: how long after its planned moment each tick was published and confirmed. */
export async function lateness({ servers, jobs = 10_000, spreadMs = 60_000 }: { readonly servers: SchedulingServers; readonly jobs?: number; readonly spreadMs?: number }): Promise<SchedulingRow[]> {
  return await withStage(servers, async ({ database, mongoUrl, amqpUrl }) => {
    const first = Math.ceil(database.clock.now().getTime() / 1_000) * 1_000 + 15_000 + jobs;
    await seedJobs({ database, count: jobs, schedule: (index) => ({ every: '1h', start: new Date(first + Math.floor((index * spreadMs) / jobs)).toISOString() }) });
    return await withSchedulerProcess({ mongoUrl, amqpUrl }, async ({ pid }) => {
      await sleep(first + spreadMs + 3_000 - database.clock.now().getTime());
      const { count, p50, p99, max, distinct, overTenMs, stalls } = await latenessOf({ database, from: new Date(first), until: new Date(first + spreadMs) });
      const facts = { jobs, published: count, lost: jobs - distinct, doubled: count - distinct, maxMs: max, overTenMs, stalls, rssMiB: Math.round(processMemory(pid).now) };
      return [{ name: 'tick lateness p50', value: p50, unit: 'ms', ...facts }, { name: 'tick lateness p99', value: p99, unit: 'ms', ...facts }];
    });
  });
}

if (import.meta.main) {
  const { startServers } = await import('../parts/startServers.ts');
  const servers = await startServers(() => undefined);
  try {
    for (const row of await lateness({ servers, jobs: Number(process.argv[2] ?? 10_000), spreadMs: Number(process.argv[3] ?? 60_000) })) console.log(JSON.stringify(row));
  } finally {
    await servers.stop();
  }
}
