import { triggeredRunId, triggersOf, type RunInputs } from '@gleaner/contracts';
import { insertRun, newRun, readTriggerItems, type Database, type RunDocument } from '@gleaner/database';
import { jitterOf } from '@gleaner/schedule';
import { outcomesOf } from './core/outcomesOf.ts';
import type { JobBook, JobEntry } from './jobBook.ts';
import type { KnownRun, RunBook } from './runBook.ts';
import type { SettleEffect } from './runSettler.ts';

/** Longest chain of runs that trigger each other. */
const deepest = 16;

/** Makes the runs that follow an ended one (`after`). Each outcome of a run triggers a job once, however often it is settled, because the id says so. */
export function createAfterTrigger({ database, book, runs, onInserted }: { readonly database: Database; readonly book: JobBook; readonly runs: RunBook; readonly onInserted: () => void }): SettleEffect {
  const follow = async (parent: RunDocument, child: JobEntry, on: string, trigger: NonNullable<RunInputs['trigger']>): Promise<void> => {
    const now = database.clock.now();
    const schedule = child.spans.at(-1)?.schedule;
    const at = parent.endedAt ?? now;
    if (schedule === undefined || (schedule.start !== undefined && at < new Date(schedule.start)) || (schedule.end !== undefined && at > new Date(schedule.end))) return;
    const depth = (parent.depth ?? 0) + 1;
    const skipped = depth > deepest ? 'cycle' : child.paused ? 'paused' : undefined;
    const run = newRun({
      id: triggeredRunId(child.id, parent._id, on), job: { _id: child.id, version: child.version, dataset: child.dataset }, trigger: 'after', scheduledAt: at, now,
      dueAt: new Date(now.getTime() + jitterOf({ jobId: child.id, at: at.getTime(), jitter: schedule.jitter })), inputs: { trigger }, maxAttempts: child.maxAttempts, expires: schedule.expires,
      extra: { depth, ...(child.origins.length > 0 ? { origins: child.origins } : {}), ...(skipped === undefined ? {} : { state: 'skipped', reason: skipped, endedAt: now }) },
    });
    if ((await insertRun({ database, run })) && skipped === undefined) {
      runs.learn(run as KnownRun);
      onInserted();
    }
  };

  return async (ended) => {
    for (const parent of ended) {
      const outcomes = outcomesOf(parent);
      if (outcomes.length === 0) continue;
      let trigger: NonNullable<RunInputs['trigger']> | undefined;
      for (const child of book.childrenOf(parent.job)) {
        if (child.deleted) continue;
        const wanted = triggersOf(child.spans.at(-1)?.schedule ?? noTriggers).flatMap((one) => ('after' in one && one.after.job === parent.job ? [one.after.on] : []));
        for (const on of new Set(wanted)) {
          if (!outcomes.includes(on)) continue;
          // Read once for all that follow, and only if something does.
          trigger ??= await readTriggerItems({ database, dataset: parent.dataset, run: parent._id });
          await follow(parent, child, on, trigger);
        }
      }
    }
  };
}

const noTriggers = {} as Parameters<typeof triggersOf>[0];
