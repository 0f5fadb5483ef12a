import { isEnded, type RunState } from '@gleaner/contracts';

/**
 * The one transition table: state → the states it may be reached from. What it does not allow is ignored,
 * by compare-and-set; so a message that comes late, twice or out of order cannot undo what has happened.
 * `failed` is not final for a result: an applied outcome beats it, never the reverse.
 */
export const transitions: Readonly<Record<RunState, readonly RunState[]>> = {
  due: ['failed'],
  queued: ['due', 'retrying'],
  running: ['queued'],
  retrying: ['queued', 'running'],
  succeeded: ['due', 'queued', 'running', 'retrying', 'failed', 'quarantined'],
  unchanged: ['due', 'queued', 'running', 'retrying', 'failed'],
  quarantined: ['due', 'queued', 'running', 'retrying', 'failed'],
  failed: ['queued', 'running', 'retrying', 'quarantined'],
  cancelled: ['due', 'queued', 'running', 'retrying'],
  expired: ['due', 'queued'],
  skipped: ['due'],
  missed: [],
};

export interface TransitionPlan {
  /** Matches the run only while the table (and `where`) allow the move. */
  readonly filter: Record<string, unknown>;
  /** An update pipeline: state, rev + 1, and for an ended state its time and the mark for the leader to settle. */
  readonly update: Record<string, unknown>[];
}

export interface Move {
  readonly run: string;
  readonly to: RunState;
  /** Further conditions on the run as it is. */
  readonly where?: Readonly<Record<string, unknown>>;
  /** Fields to set, top level or dotted, as plain values. */
  readonly set?: Readonly<Record<string, unknown>>;
  readonly unset?: readonly string[];
  /** When it happened; default the server's own time at the write. */
  readonly at?: Date;
}

/**
 * The filter and update of a transition, for one write or many at once.
 * Values are wrapped in `$literal`, so that a string that begins with `$` stays a string.
 */
export function planTransition({ run, to, where = {}, set = {}, unset = [], at }: Move): TransitionPlan {
  const when = at ?? '$$NOW';
  const literal = Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined).map(([name, value]) => [name, { $literal: value }]));
  const next = { $add: ['$rev', 1] };
  const stage: Record<string, unknown> = { ...literal, state: to, rev: next, movedAt: when };
  const removed = new Set(unset);
  if (isEnded(to)) {
    stage['endedAt'] = when;
    stage['unsettled'] = next;
    for (const name of ['nextAttemptAt', 'held']) removed.add(name);
  } else {
    for (const name of ['endedAt', 'unsettled']) removed.add(name);
  }
  if (to === 'queued') {
    stage['queuedAt'] = when;
    stage['attempts'] = { $add: ['$attempts', 1] };
    for (const name of ['publishedAt', 'nextAttemptAt', 'held', 'attempt', 'startedAttempts', 'probe', 'republished', 'lastSignAt']) removed.add(name);
  }
  if (to === 'due') for (const name of ['error', 'reason', 'expiresAt', 'publishedAt', 'queuedAt', 'nextAttemptAt', 'attempt', 'decision']) if (set[name] === undefined) removed.add(name);
  if (to !== 'running') removed.add('deadline');
  for (const name of Object.keys(stage)) removed.delete(name);
  return {
    filter: { ...where, _id: run, state: { $in: [...transitions[to]] } },
    update: [{ $set: stage }, ...(removed.size > 0 ? [{ $unset: [...removed] }] : [])],
  };
}
