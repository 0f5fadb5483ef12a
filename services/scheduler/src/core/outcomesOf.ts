import type { AfterTrigger } from '@gleaner/contracts';
import type { RunDocument } from '@gleaner/database';

type Outcome = AfterTrigger['after']['on'];

/** What an ended run counts as for those that run after it. A changed definition is not changed data; a first snapshot is. */
export function outcomesOf({ state, counts, cause }: Pick<RunDocument, 'state' | 'counts' | 'cause'>): readonly Outcome[] {
  if (state === 'failed') return ['failed'];
  if (state === 'unchanged') return ['succeeded'];
  if (state !== 'succeeded') return [];
  const changed = cause !== 'definition' && counts !== undefined && counts.added + counts.changed + counts.removed > 0;
  return changed ? ['succeeded', 'changed'] : ['succeeded'];
}
