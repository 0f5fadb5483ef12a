/** Who is to be told when a signal is aborted. */
export interface AbortGroups<T> {
  /** `member` is told once, unless it leaves before; the signal is not aborted yet. */
  join(signal: AbortSignal, member: T): void;
  leave(signal: AbortSignal, member: T): void;
}

/** Tells each member of an aborted signal. One listener a signal: a signal looks through all of its listeners whenever one is added, and thousands of messages may share one. */
export function createAbortGroups<T>(tell: (member: T, reason: unknown) => void): AbortGroups<T> {
  const groups = new Map<AbortSignal, { readonly members: Set<T>; readonly onAbort: () => void }>();
  return {
    join(signal, member) {
      const known = groups.get(signal);
      if (known) {
        known.members.add(member);
        return;
      }
      const members = new Set([member]);
      const onAbort = (): void => {
        for (const one of members) tell(one, signal.reason);
      };
      groups.set(signal, { members, onAbort });
      signal.addEventListener('abort', onAbort, { once: true });
    },
    leave(signal, member) {
      const known = groups.get(signal);
      known?.members.delete(member);
      if (known?.members.size !== 0) return;
      groups.delete(signal);
      signal.removeEventListener('abort', known.onAbort);
    },
  };
}
