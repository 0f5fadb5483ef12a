/** Lets a fixed number of callers in at once; the others wait in the order in which they came. */
export interface Turns {
  /** Resolves with the function that gives the place back; rejects with the signal's reason where that comes first. */
  take(signal: AbortSignal): Promise<() => void>;
}

/** Makes turns for `places` callers at once. */
export function createTurns(places: number): Turns {
  let free = places;
  const waiting: (() => void)[] = [];
  const giveBack = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve, reject) => {
        const enter = (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const leave = (): void => {
          waiting.splice(waiting.indexOf(enter), 1);
          reject(signal.reason as Error);
        };
        waiting.push(enter);
        signal.addEventListener('abort', leave, { once: true });
      });
      return giveBack;
    },
  };
}
