import type { Fault, JobDefinition } from '@gleaner/contracts';
import { parentsOf } from '@gleaner/schedule';

/** What is allowed but probably not meant; `knows` tells whether a job exists. */
export function jobWarnings({ definition, knows }: { readonly definition: JobDefinition; readonly knows: (job: string) => boolean }): Fault[] {
  const warnings: Fault[] = [];
  if (!definition.partial && /\{\{-?\s*(params|trigger)\./.test(JSON.stringify(definition.source)))
    warnings.push({ path: 'partial', code: 'partial_advised', message: 'the source is chosen by params or trigger: without `partial: true` every item that an answer does not list counts as removed' });
  for (const parent of parentsOf(definition.schedule))
    if (!knows(parent)) warnings.push({ path: 'schedule', code: 'unknown_parent', message: `there is no job ${JSON.stringify(parent)} yet: nothing fires until there is` });
  const forEach = 'http' in definition.source ? definition.source.http.forEach : undefined;
  if (forEach !== undefined && 'job' in forEach && !knows(forEach.job)) warnings.push({ path: 'source.http.forEach.job', code: 'unknown_parent', message: `there is no job ${JSON.stringify(forEach.job)} yet: runs are skipped until it has a snapshot` });
  return warnings;
}

/** The jobs that warnings (and nothing else) need to know of. */
export function mentionedJobs(definition: JobDefinition): string[] {
  const forEach = 'http' in definition.source ? definition.source.http.forEach : undefined;
  return [...parentsOf(definition.schedule), ...(forEach !== undefined && 'job' in forEach ? [forEach.job] : [])];
}
