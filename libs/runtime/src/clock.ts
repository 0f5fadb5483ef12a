/** The two times that decisions may use; services get it from the database, tests make their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch by the database's time: what is compared between copies and stored. */
  now(): number;
  /** Milliseconds that only grow, from an arbitrary start: what durations and deadlines of this process are measured by. */
  monotonic(): number;
}

/** Milliseconds that only grow, whatever happens to the machine's clock. */
export const monotonic = (): number => performance.now();

/** A clock by this machine's own time: for tools and tests, never for what copies of a service compare. */
export const localClock: Clock = { now: () => Date.now(), monotonic };
