export type HistoryErrorCode =
  /** The moment lies before the first snapshot. */
  | 'before_first'
  /** The moment was readable once; retention has taken it. */
  | 'swept'
  /** A late snapshot or a sweep has rewritten what a cursor was reading. */
  | 'history_changed'
  /** The run has made no snapshot. */
  | 'no_snapshot'
  | 'no_dataset';

/** Why a moment cannot be read; `details` holds what was asked and what there is. */
export class HistoryError extends Error {
  readonly code: HistoryErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: HistoryErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'HistoryError';
    this.code = code;
    this.details = details;
  }
}
