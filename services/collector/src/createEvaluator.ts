import { badBody } from './core/AttemptFailure.ts';
import type { EvaluateExpressions } from './createRunAttempt.ts';
import { createThreadPool } from './createThreadPool.ts';
import type { ExpressionAnswer, ExpressionWork } from './expressionThread.ts';

/** Time for one piece of work: a fixed part and a part for each expression of each value. */
const fixedMs = 5_000;
const eachMs = 20;

export interface Evaluator {
  readonly evaluate: EvaluateExpressions;
  /** Ends the idle threads. */
  close(): Promise<void>;
}

/**
 * Makes the evaluator of JSONata expressions. They run in threads, because an expression may loop for ever without giving a timer its turn; a thread that is
 * over its time is ended (`task_error`). An expression that fails on a value is `bad_body`, because other data might do.
 */
export function createEvaluator(): Evaluator {
  const pool = createThreadPool<ExpressionWork, ExpressionAnswer>({ thread: new URL('./expressionThread.ts', import.meta.url), what: "the job's expressions over a part of the items" });
  return {
    async evaluate(expressions, values, signal) {
      const answer = await pool.ask({ expressions, values }, { limitMs: fixedMs + eachMs * values.length * expressions.length, signal });
      if (!answer.ok) throw badBody(answer.message);
      return answer.results;
    },
    close: () => pool.close(),
  };
}
