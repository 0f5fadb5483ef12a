const mib = 1024 ** 2;

/** What one attempt holds of a budget. */
export interface MemoryShare extends Disposable {
  /**
   * Says how many bytes the attempt has read by now; resolves when it may keep them, at once as a rule. Rejects with the signal's reason where that comes first.
   * One at a time; `bytes` never falls.
   */
  hold(bytes: number, signal: AbortSignal): Promise<void>;
  /** Milliseconds that the attempt has waited so far, a wait under way included: its upstream is not to blame for them. */
  waitedMs(): number;
}

export interface MemoryBudget {
  /** Begins with an attempt that will read `most` bytes at the most. The share is given back when it is disposed of. */
  enter(most: number): MemoryShare;
  /** Bytes held beyond the free part, and how many attempts wait: for the metrics. */
  readonly held: number;
  readonly waiting: number;
}

interface Holder {
  readonly most: number;
  held: number;
  wanted: number;
  proceed: (() => void) | undefined;
}

/**
 * Makes the budget of bytes that the attempts of one collector hold together. The first `freeBytes` (default 1 MiB) of each are free, so small answers never wait.
 * Beyond them attempts stand in a line, in the order in which they first asked. The first in line never waits, so there is always one that comes to its end;
 * the others get more only as long as each one before them can still grow to its own `most` within `maxBytes`. So the sum stays within `maxBytes`, nobody is
 * passed over for ever, and an attempt that may alone outgrow `maxBytes` is alone once it is the first.
 */
export function createMemoryBudget({ maxBytes, freeBytes = mib, now = () => performance.now() }: { readonly maxBytes: number; readonly freeBytes?: number; readonly now?: () => number }): MemoryBudget {
  const line: Holder[] = [];
  let held = 0;

  /** True where `one` may hold what it wants. */
  const mayHold = (one: Holder): boolean => {
    const growth = one.wanted - one.held;
    for (const before of line) {
      if (before === one) return true;
      if (held + growth + (before.most - before.held) > maxBytes) return false;
    }
    return true;
  };

  const give = (one: Holder): void => {
    held += one.wanted - one.held;
    one.held = one.wanted;
  };

  /** Lets go on who may, the first in line first. */
  const settle = (): void => {
    for (const one of line) {
      if (!one.proceed || !mayHold(one)) continue;
      give(one);
      one.proceed();
    }
  };

  return {
    get held() {
      return held;
    },
    get waiting() {
      return line.filter(({ proceed }) => proceed !== undefined).length;
    },
    enter(most) {
      const holder: Holder = { most: Math.max(0, most - freeBytes), held: 0, wanted: 0, proceed: undefined };
      let waited = 0;
      let since: number | undefined;

      const wait = (signal: AbortSignal): Promise<void> => {
        since = now();
        return new Promise<void>((resolve, reject) => {
          const end = (): void => {
            holder.proceed = undefined;
            signal.removeEventListener('abort', leave);
            waited += now() - (since ?? 0);
            since = undefined;
          };
          const leave = (): void => {
            end();
            reject(signal.reason as Error);
          };
          holder.proceed = () => {
            end();
            resolve();
          };
          signal.addEventListener('abort', leave, { once: true });
        });
      };

      return {
        async hold(bytes, signal) {
          const beyond = bytes - freeBytes;
          if (beyond <= holder.held) return;
          signal.throwIfAborted();
          // Whole MiB, so that the line is not asked for each part of a body.
          holder.wanted = Math.min(holder.most, Math.ceil(beyond / mib) * mib);
          if (holder.wanted <= holder.held) return; // over its own limit: that is said elsewhere
          if (!line.includes(holder)) line.push(holder);
          if (mayHold(holder)) give(holder);
          else await wait(signal);
        },
        waitedMs: () => waited + (since === undefined ? 0 : now() - since),
        [Symbol.dispose]() {
          const at = line.indexOf(holder);
          if (at < 0) return;
          line.splice(at, 1);
          held -= holder.held;
          holder.held = 0;
          settle();
        },
      };
    },
  };
}
