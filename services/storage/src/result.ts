import type { JobDefinition, RequestFacts, Validators } from '@gleaner/contracts';
import type { RunDocument, SnapshotCounts, SnapshotDocument } from '@gleaner/database';
import type { Observation } from './core/applyPlan.ts';
import type { GateFault } from './core/judgeGate.ts';

/** A result of a run that may be applied: what it saw, or which snapshot it saw again. */
export interface Result {
  readonly run: RunDocument;
  readonly dataset: string;
  readonly observedAt: Date;
  readonly definition: Pick<JobDefinition, 'partial' | 'gate'>;
  readonly request: RequestFacts;
  readonly requests: number;
  readonly saw:
    | { readonly kind: 'content'; readonly content: Observation['content']; readonly received: number; readonly duplicates: number; readonly extractionHash: string; readonly requestHash: string; readonly validators?: Omit<Validators, 'run'>; readonly warnings?: readonly string[] }
    | { readonly kind: 'again'; readonly base: string; /** Its row, where it was read already. */ readonly row?: SnapshotDocument | null };
  /** A person has accepted it: the gate is open. */
  readonly accepted?: boolean;
}

export type Applied =
  | { readonly kind: 'applied'; readonly run: RunDocument }
  | { readonly kind: 'gate'; readonly fault: GateFault; readonly counts: SnapshotCounts }
  | { readonly kind: 'too large'; readonly message: string }
  /** The snapshot seen again cannot be read any more. */
  | { readonly kind: 'base gone' }
  /** The run, the dataset or the history moved meanwhile: look again and decide anew. */
  | { readonly kind: 'moved' };
