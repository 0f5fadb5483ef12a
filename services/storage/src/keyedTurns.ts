/** One at a time for each key; the others wait in order. */
export interface KeyedTurns {
  run<T>(key: string, act: () => Promise<T>): Promise<T>;
}

/** Makes an empty set of turns. A turn that fails lets the next one go on. */
export function createKeyedTurns(): KeyedTurns {
  const last = new Map<string, Promise<unknown>>();
  return {
    async run(key, act) {
      const turn = (last.get(key) ?? Promise.resolve()).then(act, act);
      last.set(key, turn);
      try {
        return await turn;
      } finally {
        if (last.get(key) === turn) last.delete(key);
      }
    },
  };
}
