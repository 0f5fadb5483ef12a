import { Worker } from 'node:worker_threads';
import { AttemptFailure, badBody } from './core/AttemptFailure.ts';
import type { EvaluateExpressions } from './createRunAttempt.ts';
import type { ExpressionAnswer, ExpressionWork } from './expressionThread.ts';

const heapMb = 256;
/** Time for one piece of work: a fixed part (the thread's start) and a part for each expression of each value. */
const startMs = 5_000;
const eachMs = 20;

export interface Evaluator {
  readonly evaluate: EvaluateExpressions;
  /** Ends the idle threads. */
  close(): Promise<void>;
}

/**
 * Makes the evaluator of JSONata expressions. They run in threads, because an expression may loop for ever without giving a timer its turn; a thread that is
 * over its time is ended (`task_error`), one that has answered is used again. An expression that fails on a value is `bad_body`, because other data might do.
 */
export function createEvaluator({ maxIdle = 2, limitMs = (count: number) => startMs + eachMs * count }: { readonly maxIdle?: number; readonly limitMs?: (count: number) => number } = {}): Evaluator {
  const idle: Worker[] = [];

  const start = (): Worker => {
    const worker = new Worker(new URL('./expressionThread.ts', import.meta.url), { env: {}, resourceLimits: { maxOldGenerationSizeMb: heapMb }, execArgv: ['--disable-warning=ExperimentalWarning'] });
    worker.unref();
    worker.on('error', () => undefined); // who waits for an answer hears of it; an idle one is only dropped
    worker.once('exit', () => {
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
    });
    return worker;
  };

  const ask = (worker: Worker, work: ExpressionWork, signal: AbortSignal): Promise<ExpressionAnswer> => {
    const limit = limitMs(work.values.length * work.expressions.length);
    const ended = new AbortController();
    const on = (event: string, listener: (value: unknown) => void): void => {
      worker.on(event, listener);
      ended.signal.addEventListener('abort', () => worker.off(event, listener));
    };
    return new Promise<ExpressionAnswer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new AttemptFailure('task_error', `expected the expressions of ${work.values.length} items within ${limit} ms`)), limit);
      ended.signal.addEventListener('abort', () => clearTimeout(timer));
      signal.addEventListener('abort', () => reject(signal.reason as Error), { signal: ended.signal });
      on('message', resolve as (answer: unknown) => void);
      on('error', (cause) => reject(new AttemptFailure('task_error', `the expressions' thread failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })));
      on('exit', () => reject(new AttemptFailure('task_error', "the expressions' thread ended")));
      worker.postMessage(work);
    }).finally(() => ended.abort());
  };

  return {
    async evaluate(expressions, values, signal) {
      signal.throwIfAborted();
      const worker = idle.pop() ?? start();
      let answered = false;
      try {
        const answer = await ask(worker, { expressions, values }, signal);
        answered = true;
        if (!answer.ok) throw badBody(answer.message);
        return answer.results;
      } finally {
        if (answered && idle.length < maxIdle) idle.push(worker);
        else await worker.terminate();
      }
    },
    async close() {
      await Promise.all(idle.splice(0).map((worker) => worker.terminate()));
    },
  };
}
