/** The attempts under way, by run, so that a control message can end them; and the runs that were aborted, because their ticks may still be on their way. */
export interface AbortRegistry {
  /** Registers an attempt until it is disposed of; its signal aborts when its run is aborted, and is aborted already where that was so before. */
  enter(run: string): Disposable & { readonly signal: AbortSignal };
  /** Aborts every attempt of a run, also those that have not begun. */
  abort(run: string, reason: string): void;
  readonly size: number;
}

/** Aborted runs that are remembered: a run that was aborted never runs again, so nothing but memory limits it. */
const rememberedRuns = 10_000;

/** Makes an empty registry. */
export function createAbortRegistry({ remembered = rememberedRuns }: { readonly remembered?: number } = {}): AbortRegistry {
  const runs = new Map<string, Set<AbortController>>();
  const aborted = new Map<string, Error>();
  return {
    enter(run) {
      const controller = new AbortController();
      if (aborted.has(run)) controller.abort(aborted.get(run));
      const attempts = runs.get(run) ?? new Set();
      runs.set(run, attempts.add(controller));
      return {
        signal: controller.signal,
        [Symbol.dispose]: () => {
          attempts.delete(controller);
          if (attempts.size === 0) runs.delete(run);
        },
      };
    },
    abort(run, reason) {
      const why = new Error(`run aborted: ${reason}`);
      aborted.delete(run); // heard again it is the newest
      aborted.set(run, why);
      const [oldest] = aborted.keys();
      if (aborted.size > remembered && oldest !== undefined) aborted.delete(oldest);
      for (const controller of runs.get(run) ?? []) controller.abort(why);
    },
    get size() {
      return runs.size;
    },
  };
}
