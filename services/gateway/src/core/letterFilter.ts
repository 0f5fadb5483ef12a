import type { LetterState } from '@gleaner/contracts';

export interface LettersWanted {
  readonly queue?: string | undefined;
  readonly job?: string | undefined;
  readonly run?: string | undefined;
  readonly class?: string | undefined;
  readonly state?: readonly LetterState[] | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** Which letters are meant, as a filter. A superseded letter may still be stored as parked. */
export function letterFilter({ queue, job, run, class: failure, state, since, until }: LettersWanted): Record<string, unknown> {
  const stored = state && [...new Set(state.flatMap((one) => (one === 'superseded' ? ['superseded', 'parked'] : [one])))];
  return {
    ...(queue === undefined ? {} : { queue }), ...(job === undefined ? {} : { job }), ...(run === undefined ? {} : { run }), ...(failure === undefined ? {} : { class: failure }),
    ...(stored === undefined ? {} : { state: stored.length === 1 ? stored[0] : { $in: stored } }),
    ...(since || until ? { deadAt: { ...(since ? { $gte: since } : {}), ...(until ? { $lt: until } : {}) } } : {}),
  };
}
