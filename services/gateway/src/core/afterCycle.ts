import { triggersOf, type Schedule } from '@gleaner/contracts';

/** Ids of the jobs whose outcome fires this schedule. */
export const parentsOf = (schedule: Schedule): string[] => triggersOf(schedule).flatMap((trigger) => ('after' in trigger ? [trigger.after.job] : []));

/**
 * The cycle that a job with these parents would close, as ids from the job back to itself; undefined where there is none.
 * `parents` gives the parents of every other job (a missing job has none: it may come later, and is then checked itself).
 */
export function afterCycle({ job, own, parents }: { readonly job: string; readonly own: readonly string[]; readonly parents: ReadonlyMap<string, readonly string[]> }): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const open: string[] = [];
  const reach = (parent: string, from: string): boolean => {
    if (cameFrom.has(parent)) return false;
    cameFrom.set(parent, from);
    if (parent === job) return true;
    open.push(parent);
    return false;
  };
  for (const parent of own) if (reach(parent, job)) return pathBack(job, cameFrom);
  for (let next = open.pop(); next !== undefined; next = open.pop()) for (const parent of parents.get(next) ?? []) if (reach(parent, next)) return pathBack(job, cameFrom);
  return undefined;
}

function pathBack(job: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const path = [job];
  let at = cameFrom.get(job);
  while (at !== undefined && at !== job) {
    path.unshift(at);
    at = cameFrom.get(at);
  }
  return [job, ...path];
}
