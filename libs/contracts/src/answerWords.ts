/** One word for a list of jobs: `stale` = no success for `expectEvery`. */
export const jobHealths = ['ok', 'new', 'paused', 'stale', 'failing', 'quarantined'] as const;
export type JobHealth = (typeof jobHealths)[number];
export const letterStates = ['parked', 'replayed', 'discarded', 'superseded'] as const;
export type LetterState = (typeof letterStates)[number];
export const scopes = ['read', 'operate', 'write', 'admin'] as const;
export type Scope = (typeof scopes)[number];
