import type { Schedule } from '@gleaner/contracts';

/**
 * What becomes of a fire that has its row already but whose moment went by unused (its leader died in between):
 * the job's misfire policy decides as if the row were made now. `in turn` = run it, one after another, never skipped.
 */
export function judgeLate({ misfire, grace, lateMs, lateAfterMs, laterFireDue }: {
  readonly misfire: Schedule['misfire'];
  readonly grace: number;
  readonly lateMs: number;
  readonly lateAfterMs: number;
  /** A later fire of the job is due too. */
  readonly laterFireDue: boolean;
}): 'run' | 'in turn' | 'coalesced' | 'misfire' | 'grace' {
  if (lateMs <= lateAfterMs) return 'run';
  if (lateMs > grace) return 'grace';
  if (misfire === 'all') return 'in turn';
  if (misfire === 'none') return 'misfire';
  return laterFireDue ? 'coalesced' : 'run';
}
