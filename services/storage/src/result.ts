import type { JobDefinition, RequestFacts, Validators } from '@gleaner/contracts';
import type { RunDocument, SnapshotCounts, SnapshotDocument } from '@gleaner/database';
import type { Changes, Content } from './core/contentOf.ts';
import type { StateAhead } from './stateAhead.ts';
import type { GateFault } from './core/judgeGate.ts';

/** A result of a run that may be applied: what it saw, or which snapshot it saw again. */
export interface Result {
  readonly run: RunDocument;
  readonly dataset: string;
  /** The version of the job that the attempt worked with: an older one than the run's where the run was asked again with another meanwhile. */
  readonly jobVersion: number;
  readonly observedAt: Date;
  /** When the attempt began, where its report says it. */
  readonly startedAt?: Date;
  readonly definition: Pick<JobDefinition, 'partial' | 'gate'>;
  readonly request: RequestFacts;
  readonly requests: number;
  readonly saw:
    | (Seen & { readonly kind: 'content'; readonly content: Content })
    /** The snapshot of the run `base`, but for these changes; `kept` items in all. */
    | (Seen & { readonly kind: 'changes'; readonly base: string; readonly changes: Changes; readonly kept: number })
    | { readonly kind: 'again'; readonly base: string; /** Its row, where it was read already. */ readonly row?: SnapshotDocument | null };
  /** What was written of it while it came. */
  readonly ahead?: StateAhead;
  /** A person has accepted it: the gate is open. */
  readonly accepted?: boolean;
}

interface Seen {
  readonly received: number;
  readonly duplicates: number;
  readonly extractionHash: string;
  readonly requestHash: string;
  readonly validators?: Omit<Validators, 'run'>;
  readonly warnings?: readonly string[];
}

export type Applied =
  | { readonly kind: 'applied'; readonly run: RunDocument }
  /** `result` has its whole content. */
  | { readonly kind: 'gate'; readonly fault: GateFault; readonly counts: SnapshotCounts; readonly result: Result }
  | { readonly kind: 'too large'; readonly message: string }
  /** The snapshot seen again, or changed, cannot be read any more, or is not the one that the collector knew. */
  | { readonly kind: 'base gone' }
  /** Of an older definition than the newest, and the run was asked again with a newer one: that try's result is waited for. */
  | { readonly kind: 'stale' }
  /** The run, the dataset or the history moved meanwhile: look again and decide anew. */
  | { readonly kind: 'moved' };
