import type { HeartbeatReport, StartedReport } from '@gleaner/contracts';
import { moveRun, updateRun } from '@gleaner/database';
import { done, type Outcome } from '@gleaner/broker';
import { announceRun } from './announceRun.ts';
import type { StorageParts } from './storageParts.ts';

/** An attempt has begun: it counts only for the run's present try. A copy of it that comes late changes nothing but the last sign. */
export async function handleStarted({ parts, report }: { readonly parts: StorageParts; readonly report: StartedReport }): Promise<Outcome> {
  const { database } = parts;
  const now = database.clock.now();
  const { run, attempt } = report;
  const revision = await parts.revisions(report.job, report.jobVersion);
  const deadline = revision === null ? {} : { deadline: new Date(now.getTime() + revision.definition.maxDuration) };
  const moved = await moveRun({ database, run, to: 'running', where: { attempts: report.try }, set: { startedAt: now, lastSignAt: now, attempt, startedAttempts: [attempt], ...deadline } });
  if (moved) {
    announceRun(parts, moved);
    return done();
  }
  // A tick that came twice: the attempt that began last is the one whose failure counts.
  await database.collections.runs.updateOne(
    { _id: run, state: 'running', attempts: report.try, startedAttempts: { $ne: attempt } },
    { $set: { attempt, lastSignAt: now, ...deadline }, $push: { startedAttempts: { $each: [attempt], $slice: -20 } } } as never,
  );
  return done();
}

/** An attempt lives. Where its beginning has been lost or overtaken, this is its beginning. */
export async function handleHeartbeat({ parts, report }: { readonly parts: StorageParts; readonly report: HeartbeatReport }): Promise<Outcome> {
  const { database } = parts;
  const where = { state: 'running', attempts: report.try } as const;
  const { progress } = report;
  const seen = await updateRun({ database, run: report.run, where, set: { lastSignAt: database.clock.now(), ...(progress ? { progress } : {}) } });
  if (seen) return done();
  return await handleStarted({ parts, report: { ...report, kind: 'started' } });
}
