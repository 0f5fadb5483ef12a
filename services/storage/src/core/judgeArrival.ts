import type { RunState } from '@gleaner/contracts';
import type { HeadDocument, RunDocument } from '@gleaner/database';

export type Arrival = { readonly kind: 'go' } | { readonly kind: 'drop'; readonly reason: string } | { readonly kind: 'cancel' };

/** A result of any try is taken from these states; `failed` too, because an applied outcome beats it. */
const openToResults: ReadonlySet<RunState> = new Set(['due', 'queued', 'running', 'retrying', 'failed']);

/** Why a run failed after its gate had been judged: whoever wants it anew asks the run again. */
export const endedByGate = ['rejected', 'quarantine_expired'] as const;

/** Whether a result may still be applied: the first one wins, and neither a run that has ended otherwise nor a deleted job takes one. */
export function judgeArrival({ run, head, dataset, decided = false }: {
  readonly run: Pick<RunDocument, 'state' | 'dataset' | 'decision' | 'reason'>; readonly head: Pick<HeadDocument, 'deleted'> | null; readonly dataset: string;
  /** A person has accepted the quarantined snapshot. */
  readonly decided?: boolean;
}): Arrival {
  const open = decided ? run.state === 'quarantined' && run.decision?.accept === true : openToResults.has(run.state);
  if (!open) return { kind: 'drop', reason: `the run is ${run.state}` };
  if (run.state === 'failed' && endedByGate.some((reason) => reason === run.reason)) return { kind: 'drop', reason: `the run's snapshot was judged: ${run.reason}` };
  if (run.dataset !== dataset) return { kind: 'drop', reason: 'the message is of another dataset than the run' };
  return head === null || head.deleted ? { kind: 'cancel' } : { kind: 'go' };
}
