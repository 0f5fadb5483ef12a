import type { RunState, RunTrigger, Schedule } from '@gleaner/contracts';

/** What the decision needs to know of an unended run. */
export interface UnendedRun {
  readonly id: string;
  readonly state: Extract<RunState, 'due' | 'queued' | 'running' | 'retrying'>;
  readonly trigger: RunTrigger;
  /** It had failed and was given another chance (retried or replayed). */
  readonly again?: boolean | undefined;
  /** Waits although its time has come. */
  readonly held?: string | undefined;
  /** A catch-up run of `misfire: all`: these go one after another and are never skipped. */
  readonly inTurn?: boolean | undefined;
}

export type StartDecision =
  | {
      readonly act: 'start';
      /** Runs to cancel first. */
      readonly cancel: readonly string[];
      /** Retrying runs of fires that give way. */
      readonly supersede: readonly string[];
      /** Waiting fires that this one replaces. */
      readonly coalesce: readonly string[];
    }
  | { readonly act: 'hold'; readonly coalesce: readonly string[] }
  | { readonly act: 'skip'; readonly reason: 'overlap' };

const isFireTrigger = (trigger: RunTrigger): boolean => trigger === 'schedule' || trigger === 'catch-up' || trigger === 'after';

/** A run that a schedule made and nobody has asked for again: only these are ever skipped, coalesced or superseded. */
export const isPlainFire = ({ trigger, again }: Pick<UnendedRun, 'trigger' | 'again'>): boolean => isFireTrigger(trigger) && !again;

const isActive = ({ state }: UnendedRun): boolean => state !== 'due';
const idsOf = (runs: readonly UnendedRun[]): string[] => runs.map(({ id }) => id);
const start = { act: 'start', cancel: [], supersede: [], coalesce: [] } as const satisfies StartDecision;
const hold = { act: 'hold', coalesce: [] } as const satisfies StartDecision;

/**
 * What happens to a run whose moment has come, given the job's other unended runs. Decided at the moment itself;
 * a fire that was let in then and waits for something else (`held`) is asked again later and never skipped any more.
 * `others` leaves out runs whose own moment has not come. Backfills see only each other (`backfillConcurrency` at once).
 */
export function decideStart({ run, overlap, others, backfillConcurrency = 1 }: {
  readonly run: UnendedRun;
  readonly overlap: Schedule['overlap'];
  readonly others: readonly UnendedRun[];
  readonly backfillConcurrency?: number;
}): StartDecision {
  if (run.trigger === 'backfill') return others.filter((other) => other.trigger === 'backfill' && isActive(other)).length < backfillConcurrency ? start : hold;
  const rivals = others.filter((other) => other.trigger !== 'backfill' && other.id !== run.id);
  const active = rivals.filter(isActive);
  if (run.inTurn) return (overlap === 'allow' ? active.filter((other) => other.inTurn) : active).length === 0 ? start : hold;
  if (overlap === 'allow') return start;
  if (!isPlainFire(run)) return active.length === 0 ? start : hold;
  // A backlog of `misfire: all` is worked off in turn; a fire that comes meanwhile joins it.
  if (rivals.some((other) => other.inTurn)) return hold;

  const giving = active.filter((other) => other.state === 'retrying' && isPlainFire(other));
  const blocking = active.filter((other) => !giving.includes(other));
  const supersede = idsOf(giving);
  if (run.held !== undefined) return blocking.length === 0 ? { ...start, supersede } : hold;
  const waiting = rivals.filter((other) => !isActive(other) && other.held !== undefined);
  switch (overlap) {
    case 'skip':
      return blocking.length + waiting.length === 0 ? { ...start, supersede } : { act: 'skip', reason: 'overlap' };
    case 'queue': {
      const replaced = waiting.filter(isPlainFire);
      return blocking.length > 0 || waiting.length > replaced.length ? { act: 'hold', coalesce: idsOf(replaced) } : { ...start, supersede, coalesce: idsOf(replaced) };
    }
    case 'cancel':
      // What was asked for and still waits goes on waiting: only what runs, and fires, are cut short.
      return { ...start, cancel: idsOf([...blocking, ...waiting.filter(isPlainFire)]), supersede };
  }
}
