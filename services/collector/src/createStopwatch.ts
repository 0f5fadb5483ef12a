/** How long one kind of wait has lasted so far. */
export interface Stopwatch {
  /** Counts the time that this takes; one at a time. */
  during(wait: () => Promise<void>): Promise<void>;
  /** Milliseconds, those of a wait under way included. */
  ms(): number;
}

export function createStopwatch(): Stopwatch {
  let passed = 0;
  let since: number | undefined;
  return {
    async during(wait) {
      since = performance.now();
      try {
        await wait();
      } finally {
        passed += performance.now() - since;
        since = undefined;
      }
    },
    ms: () => passed + (since === undefined ? 0 : performance.now() - since),
  };
}
