/** What clients ask of the gateway beside a query; what it answers is in libs/contracts. */
export type LetterSelection = ({ readonly ids: readonly string[] } | { readonly filter: { readonly queue?: string; readonly job?: string; readonly run?: string; readonly class?: string; readonly since?: string; readonly until?: string } }) & { readonly dryRun?: boolean };

export interface SimulateRequest {
  /** Absent = the jobs that there are. */
  readonly jobs?: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** How long every run is taken to last. */
  readonly duration?: string | number | undefined;
}
