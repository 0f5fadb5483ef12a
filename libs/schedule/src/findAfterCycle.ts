import { triggersOf, type Schedule } from '@gleaner/contracts';

/** The jobs that this schedule's `after` triggers name. */
export const parentsOf = (schedule: Schedule): string[] => triggersOf(schedule).flatMap((trigger) => ('after' in trigger ? [trigger.after.job] : []));

/**
 * A cycle of `after` that a job with this schedule would close, as a path of ids from the job back to itself; undefined where there is none.
 * `scheduleOf` gives the schedules of the other jobs; a job that is not there ends its path.
 */
export function findAfterCycle({ job, schedule, scheduleOf }: { readonly job: string; readonly schedule: Schedule; readonly scheduleOf: (job: string) => Schedule | undefined }): string[] | undefined {
  const seen = new Set<string>();
  const walk = (path: readonly string[], parents: readonly string[]): string[] | undefined => {
    for (const parent of parents) {
      if (parent === job) return [...path, parent];
      if (seen.has(parent)) continue;
      seen.add(parent);
      const next = scheduleOf(parent);
      const found = next === undefined ? undefined : walk([...path, parent], parentsOf(next));
      if (found) return found;
    }
    return undefined;
  };
  return walk([job], parentsOf(schedule));
}
