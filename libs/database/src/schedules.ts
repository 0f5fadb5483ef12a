/** How far the leader has brought a job's ledger. One per job id, kept when the job is deleted: a job made again goes on after it. */
export interface ScheduleDocument {
  /** The job's id. */
  readonly _id: string;
  /** Every fire up to here has its row. Moves by compare-and-set only: with the unique ids of runs it is what keeps two leaders apart. */
  readonly through: Date;
  /** Job version that `nextFire` was computed from. */
  readonly version: number;
  /** Absent while paused, deleted, on demand only, or at the schedule's end. */
  readonly nextFire?: Date;
}

/** What is known of an upstream across all jobs and collectors. */
export interface OriginDocument {
  /** Scheme, host and port: `https://api.example:8443`. */
  readonly _id: string;
  /** No request before this: what a `Retry-After` asked for. */
  readonly pausedUntil?: Date;
  /** The run whose answer asked for it. */
  readonly pausedBy?: string;
}
