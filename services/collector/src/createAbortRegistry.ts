/** A try of a run. */
interface RunTry {
  readonly run: string;
  readonly try: number;
}

/** The attempts under way, by run, so that a control message can end them; and the tries that were aborted, because their ticks may still be on their way. */
export interface AbortRegistry {
  /** Registers an attempt until it is disposed of; its signal aborts when its try is aborted, and is aborted already where that was so before. */
  enter(one: RunTry): Disposable & { readonly signal: AbortSignal };
  /** Aborts every attempt of a try and of those before it, also those that have not begun. A later try, of a run that was given another chance, is not meant. */
  abort(one: RunTry, reason: string): void;
  readonly size: number;
}

/** Runs with aborted tries that are remembered: an aborted try never runs again, so nothing but memory limits it. */
const rememberedRuns = 10_000;

/** Makes an empty registry. */
export function createAbortRegistry({ remembered = rememberedRuns }: { readonly remembered?: number } = {}): AbortRegistry {
  const runs = new Map<string, Set<{ readonly try: number; readonly controller: AbortController }>>();
  const aborted = new Map<string, { readonly upTo: number; readonly why: Error }>();
  return {
    enter({ run, try: number }) {
      const attempt = { try: number, controller: new AbortController() };
      const before = aborted.get(run);
      if (before !== undefined && number <= before.upTo) attempt.controller.abort(before.why);
      const attempts = runs.get(run) ?? new Set();
      runs.set(run, attempts.add(attempt));
      return {
        signal: attempt.controller.signal,
        [Symbol.dispose]: () => {
          attempts.delete(attempt);
          if (attempts.size === 0) runs.delete(run);
        },
      };
    },
    abort({ run, try: number }, reason) {
      const why = new Error(`run aborted: ${reason}`);
      const upTo = Math.max(number, aborted.get(run)?.upTo ?? 0); // control messages may overtake each other
      aborted.delete(run); // heard again it is the newest
      aborted.set(run, { upTo, why });
      const [oldest] = aborted.keys();
      if (aborted.size > remembered && oldest !== undefined) aborted.delete(oldest);
      for (const attempt of runs.get(run) ?? []) if (attempt.try <= number) attempt.controller.abort(why);
    },
    get size() {
      return runs.size;
    },
  };
}
