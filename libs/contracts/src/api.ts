import type { Evidence } from './failures.ts';
import type { Fault, JobDefinition } from './job.ts';
import type { RequestFacts } from './messages.ts';
import type { RunState, RunTrigger } from './runStates.ts';

/** Shapes of the gateway's answers. Times are ISO 8601 UTC with ms, durations ms, unknown = absent. */

export interface Counts {
  readonly received: number;
  readonly kept: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly unchanged: number;
  readonly duplicates?: number;
}

/** One word for a list of jobs: `stale` = no success for `expectEvery`. */
export const jobHealths = ['ok', 'new', 'paused', 'stale', 'failing', 'quarantined'] as const;
export type JobHealth = (typeof jobHealths)[number];

export interface JobAnswer extends JobDefinition {
  readonly id: string;
  readonly version: number;
  readonly paused: boolean;
  readonly nextFire?: string;
  readonly lastRun?: { readonly id: string; readonly state: RunState; readonly endedAt?: string };
  readonly lastSuccessAt?: string;
  readonly itemCount?: number;
  readonly health: JobHealth;
  readonly createdAt: string;
  readonly changedAt: string;
  readonly links: Readonly<Record<string, string>>;
  readonly warnings?: readonly Fault[];
}

export interface RunAnswer {
  readonly id: string;
  readonly job: string;
  readonly jobVersion: number;
  readonly trigger: RunTrigger;
  readonly state: RunState;
  readonly reason?: string;
  readonly held?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly scheduledAt: string;
  readonly publishedAt?: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly attempts: number;
  readonly deadline?: string;
  readonly nextAttemptAt?: string;
  readonly decision?: { readonly accept: boolean; readonly by: string; readonly at: string };
  readonly counts?: Counts;
  readonly requests?: number;
  readonly snapshot?: string;
  readonly error?: { readonly class: string; readonly message: string; readonly status?: number };
  readonly letter?: string;
  /** A stretch of missed or paused fires in one row: how many, and the last of them. */
  readonly count?: number;
  readonly through?: string;
  readonly warnings?: readonly string[];
  /** `definition`: the first snapshot of a changed definition, whose changes are not the upstream's. */
  readonly cause?: string;
  readonly alerts?: readonly { readonly id: string; readonly sentAt?: string }[];
}

export interface ItemAnswer {
  readonly key: string;
  readonly data: unknown;
  readonly since: string;
}
export interface ItemsAnswer {
  readonly items: readonly ItemAnswer[];
  readonly at: string;
  readonly snapshot?: string;
  readonly total?: number;
  readonly next?: string;
}

export type HistoryVersion =
  | { readonly from: string; readonly to?: string; readonly data: unknown }
  | { readonly from: string; readonly to?: string; readonly removed: true };
export interface HistoryAnswer {
  readonly key: string;
  readonly versions: readonly HistoryVersion[];
  readonly next?: string;
}

export interface SnapshotAnswer {
  readonly id: string;
  readonly job: string;
  readonly run: string;
  readonly observedAt: string;
  readonly counts: Counts & { readonly total: number };
  readonly request: RequestFacts;
}

export interface DiffAnswer {
  readonly from: string;
  readonly to: string;
  readonly added: readonly { readonly key: string; readonly data: unknown }[];
  readonly removed: readonly { readonly key: string; readonly data: unknown }[];
  readonly changed: readonly { readonly key: string; readonly before: unknown; readonly after: unknown }[];
  readonly next?: string;
}

export interface FiresAnswer {
  readonly fires: readonly { readonly at: string; readonly note?: 'gap' | 'fold' }[];
}

export const letterStates = ['parked', 'replayed', 'discarded', 'superseded'] as const;
export type LetterState = (typeof letterStates)[number];

export interface LetterAnswer {
  readonly id: string;
  readonly queue: string;
  readonly job?: string;
  readonly run?: string;
  readonly class: string;
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: string;
  readonly deadAt: string;
  readonly replays: number;
  readonly state: LetterState;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly payload?: unknown;
  readonly evidence?: Evidence;
}

/** RFC 9457. `code` is stable; people read `title` and `detail`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly faults?: readonly Fault[];
  readonly [extra: string]: unknown;
}

export const scopes = ['read', 'operate', 'write', 'admin'] as const;
export type Scope = (typeof scopes)[number];
