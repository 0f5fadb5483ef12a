/** Every state a run can be in, in the order in which a run usually goes through them. */
export const runStates = [
  'due', 'queued', 'running', 'retrying',
  'succeeded', 'unchanged', 'quarantined', 'failed', 'cancelled', 'expired', 'skipped', 'missed',
] as const;
export type RunState = (typeof runStates)[number];

/** The states that a run may leave by itself; everything else is ended (quarantined and failed may still be moved by a person). */
export const unendedStates = ['due', 'queued', 'running', 'retrying'] as const satisfies readonly RunState[];

export const endedStates = runStates.filter((state) => !(unendedStates as readonly RunState[]).includes(state));

/** True once nothing but a person's decision or a replay moves the run again. */
export const isEnded = (state: RunState): boolean => !(unendedStates as readonly RunState[]).includes(state);

export const runTriggers = ['schedule', 'manual', 'after', 'catch-up', 'backfill'] as const;
export type RunTrigger = (typeof runTriggers)[number];

/** Reasons a run carries beside its state. Free text never decides anything; these codes may. */
export type RunReason =
  | 'overlap' | 'coalesced' | 'no input' | 'paused' | 'misfire' | 'grace' | 'cancelled' | 'job deleted' | 'expired'
  | 'lost' | 'superseded_by_fire' | 'quarantine_expired' | 'rejected' | 'too_old' | 'stale_definition'
  | 'cycle' | 'input_too_large';
