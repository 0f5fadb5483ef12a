import type { Logger } from '@gleaner/runtime';

export interface WakeLoop {
  /** Looks again now, or as soon as the present round is over. */
  kick(): void;
  /** Resolves when the loop has ended, after its signal. */
  readonly ended: Promise<void>;
}

/** Longest sleep: timers past a month overflow, and a clock that was corrected must be noticed. */
const longestMs = 1_000;
const troubleMs = { first: 100, most: 2_000 };

/**
 * Calls `round` again and again, never twice at once: at the moment that it asked for (`now` is its clock), on a kick, or after a second.
 * A round that fails is tried again a little later; only the signal ends the loop, or `holds`, which tells a moment before it that the term is over.
 */
export function wakeLoop({ name, round, now, signal, holds, log }: {
  readonly name: string;
  /** Does what is due and resolves with the moment of its next work (same clock as `now`), 0 for at once, or undefined. */
  readonly round: () => Promise<number | undefined>;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly holds: () => boolean;
  readonly log: Logger;
}): WakeLoop {
  let kicked = false;
  let wake: () => void = () => undefined;
  signal.addEventListener('abort', () => { wake(); }, { once: true });

  const sleepUntil = (at: number | undefined): Promise<void> => new Promise((resolve) => {
    if (kicked || signal.aborted) { resolve(); return; }
    const ms = Math.min(longestMs, at === undefined ? longestMs : at - now());
    if (ms <= 0) { setImmediate(resolve); return; }
    // Rounded up, because setTimeout cuts: a millisecond early would only be a round for nothing.
    const timer = setTimeout(resolve, Math.ceil(ms));
    wake = () => { clearTimeout(timer); resolve(); };
  });

  const run = async (): Promise<void> => {
    let trouble = 0;
    while (!signal.aborted && holds()) {
      kicked = false;
      let next: number | undefined;
      try {
        next = await round();
        trouble = 0;
      } catch (error) {
        if (signal.aborted || !holds()) return;
        trouble = Math.min(trouble === 0 ? troubleMs.first : trouble * 2, troubleMs.most);
        log.warn({ err: error, loop: name }, 'a round failed; it is tried again');
        next = now() + trouble;
      }
      await sleepUntil(next);
      wake = () => undefined;
    }
  };

  return { kick: () => { kicked = true; wake(); }, ended: run() };
}
