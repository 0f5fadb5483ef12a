import { AttemptFailure } from './core/AttemptFailure.ts';
import { createPatternMatcher } from './core/createPatternMatcher.ts';
import type { Matches, PatternWork, Verdicts } from './core/createPatternMatcher.ts';
import { createThreadPool } from './createThreadPool.ts';
import type { PatternAnswer } from './patternThread.ts';
import { withinTime } from './withinTime.ts';

/** What a job's regular expressions may hold up the event loop for, once an attempt: most need a hundredth of it, and a thread costs more. */
const inlineMs = 20;
/** What they may take for one part of a body, or a text whole, in a thread. */
const defaultLimitMs = 2_000;

/** Does one attempt's work with regular expressions. Rejects with `task_error` where it takes too long, and with the signal's reason. */
export type MatchPatterns = (work: PatternWork, signal: AbortSignal) => Promise<Verdicts | Matches>;

export interface Patterns {
  /** Begins with an attempt. */
  readonly begin: () => MatchPatterns;
  /** Ends the idle threads. */
  close(): Promise<void>;
}

/**
 * Makes what runs jobs' regular expressions. They backtrack, some of them for ever: work that has not ended in 20 ms begins again in a thread,
 * as all later work of its attempt does, so that other attempts and heartbeats go on.
 */
export function createPatterns({ limitMs = defaultLimitMs }: { readonly limitMs?: number } = {}): Patterns {
  const pool = createThreadPool<PatternWork, PatternAnswer>({ thread: new URL('./patternThread.ts', import.meta.url), what: "the job's regular expressions over a part of the body" });
  return {
    begin: () => {
      const match = createPatternMatcher();
      let inline = true;
      return async (work, signal) => {
        const ended = inline ? withinTime(inlineMs, () => match(work)) : undefined;
        if (ended) return ended.value;
        inline = false;
        const answer = await pool.ask(work, { limitMs, signal });
        if (!answer.ok) throw new AttemptFailure(answer.class, answer.message);
        return answer.result;
      };
    },
    close: () => pool.close(),
  };
}
