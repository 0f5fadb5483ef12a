/** The attempts under way, by run, so that a control message can end them. */
export interface AbortRegistry {
  /** Registers an attempt until it is disposed of; its signal aborts when its run is aborted. */
  enter(run: string): Disposable & { readonly signal: AbortSignal };
  /** Aborts every attempt of a run; nothing happens where there is none. */
  abort(run: string, reason: string): void;
  readonly size: number;
}

/** Makes an empty registry. */
export function createAbortRegistry(): AbortRegistry {
  const runs = new Map<string, Set<AbortController>>();
  return {
    enter(run) {
      const controller = new AbortController();
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
      for (const controller of runs.get(run) ?? []) controller.abort(new Error(`run aborted: ${reason}`));
    },
    get size() {
      return runs.size;
    },
  };
}
