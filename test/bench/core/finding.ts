/** One line of the results: what was wanted, what was measured, and what stood beside it. */
export interface Finding {
  readonly what: string;
  /** The figure wanted; empty where none is set and the line only informs. */
  readonly wanted: string;
  /** p50 and p99, or a ratio with its spread. */
  readonly measured: string;
  /** The peer and its own figures. */
  readonly beside: string;
  /** Whether the figure was reached; absent where none is set. */
  readonly reached?: boolean;
  /** What a reader must know to believe the figure. */
  readonly note?: string;
}

/** All findings of one row, and the machine they were taken on. */
export interface RowResult {
  readonly machine: string;
  readonly findings: readonly Finding[];
}
