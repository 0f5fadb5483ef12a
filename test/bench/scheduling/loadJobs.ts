import { setTimeout as sleep } from 'node:timers/promises';
import { processMemory } from '../parts/processMemory.ts';
import { withStage, type SchedulingRow, type SchedulingServers } from './schedulingBench.ts';
import { seedJobs } from './seedJobs.ts';
import { withSchedulerProcess } from './withSchedulerProcess.ts';

const zones = ['UTC', 'Europe/Kyiv', 'America/New_York', 'Asia/Tokyo', 'Australia/Lord_Howe'];

/** A scheduler that takes over many jobs: how long until it is ready, and how much memory it then has. */
export async function loadJobs({ servers, jobs = 100_000 }: { readonly servers: SchedulingServers; readonly jobs?: number }): Promise<SchedulingRow[]> {
  return await withStage(servers, async ({ database, mongoUrl, amqpUrl }) => {
    // Far enough apart not to fire while this is measured; a thousand different expressions in five zones, and intervals.
    await seedJobs({
      database, count: jobs,
      schedule: (index) => (index % 3 === 0 ? { every: `${1 + (index % 900)}d`, start: '2090-01-01T00:00:00Z' } : { cron: `${index % 60} ${index % 24} ${1 + (index % 28)} 1 *`, timezone: zones[index % zones.length], start: '2090-01-01T00:00:00Z' }),
    });
    // The first leader gives every job its watermark; the second one is measured, as after a restart.
    const first = await withSchedulerProcess({ mongoUrl, amqpUrl }, async (scheduler) => {
      while ((await database.collections.schedules.countDocuments()) < jobs) await sleep(200);
      return { ...scheduler, ...processMemory(scheduler.pid) };
    });
    return await withSchedulerProcess({ mongoUrl, amqpUrl }, async ({ pid, tookOverMs, loadMs }) => {
      await sleep(3_000);
      const { now, peak } = processMemory(pid);
      return [
        { name: 'jobs loaded, ready after', value: Math.round(tookOverMs), unit: 'ms', jobs, loadMs, firstEverMs: Math.round(first.tookOverMs) },
        { name: 'jobs loaded, memory', value: Math.round(now), unit: 'MiB', jobs, peakMiB: Math.round(peak), firstEverPeakMiB: Math.round(first.peak) },
      ];
    });
  });
}

if (import.meta.main) {
  const { startServers } = await import('../parts/startServers.ts');
  const servers = await startServers(() => undefined);
  try {
    for (const row of await loadJobs({ servers, jobs: Number(process.argv[2] ?? 100_000) })) console.log(JSON.stringify(row));
  } finally {
    await servers.stop();
  }
}
