import type { Scope } from '@gleaner/contracts';

/** Shapes that only the gateway and its clients speak of. */
export type LetterSelection = ({ readonly ids: readonly string[] } | { readonly filter: { readonly queue?: string; readonly job?: string; readonly run?: string; readonly class?: string; readonly since?: string; readonly until?: string } }) & { readonly dryRun?: boolean };

export interface LettersMoved {
  readonly dryRun: boolean;
  readonly matched: number;
  readonly ids: readonly string[];
  readonly marked: number;
}

export interface NewKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly key: string;
}

export interface BackfillAnswer {
  readonly dryRun: boolean;
  /** Fires of the stretch. */
  readonly fires: number;
  /** Of them, those that a run answers for already. */
  readonly there: number;
  /** Runs made for the rest. */
  readonly made: number;
  readonly runs: readonly string[];
}

export interface SimulateRequest {
  /** Absent = the jobs that there are. */
  readonly jobs?: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** How long every run is taken to last. */
  readonly duration?: string | number | undefined;
}

export interface SimulateAnswer {
  readonly from: string;
  readonly to: string;
  readonly fires: readonly { readonly job: string; readonly at: string; readonly trigger: string; readonly outcome: string; readonly startsAt?: string; readonly cancelledAt?: string; readonly note?: string }[];
  readonly jobs: readonly { readonly job: string; readonly fires: number; readonly runs: number; readonly skipped: number; readonly overlaps: number; readonly mostAtOnce: number }[];
  readonly origins: readonly { readonly origin: string; readonly requests: number; readonly mostPerMinute: number; readonly busiestMinute?: string }[];
  readonly truncated: boolean;
}

export interface SeriesAnswer {
  readonly field: string;
  readonly from: string;
  readonly to: string;
  readonly series: readonly { readonly key?: string; readonly points: readonly { readonly at: string; readonly value: unknown }[] }[];
}
