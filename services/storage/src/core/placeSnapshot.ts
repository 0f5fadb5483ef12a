import type { HeadDocument } from '@gleaner/database';

/** Where a snapshot belongs: after all others, before some, or nowhere (with the reason that its run then carries). */
export type Placement =
  | { readonly kind: 'newest' | 'late'; readonly definitionChanged: boolean }
  | { readonly kind: 'nowhere'; readonly reason: 'too_old' | 'stale_definition' };

/** A run of an older definition must not turn the data back to it; what the horizon has passed cannot be placed any more. */
export function placeSnapshot({ head, position, jobVersion, extractionHash }: {
  readonly head: Pick<HeadDocument, 'position' | 'horizon' | 'extractionHash' | 'jobVersion'>; readonly position: string; readonly jobVersion: number; readonly extractionHash: string;
}): Placement {
  if (head.horizon !== undefined && position < head.horizon) return { kind: 'nowhere', reason: 'too_old' };
  const otherDefinition = head.extractionHash !== undefined && head.extractionHash !== extractionHash;
  if (otherDefinition && jobVersion < (head.jobVersion ?? 0)) return { kind: 'nowhere', reason: 'stale_definition' };
  return { kind: head.position === undefined || position > head.position ? 'newest' : 'late', definitionChanged: otherDefinition };
}
