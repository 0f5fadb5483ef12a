import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AttemptFailure } from './core/AttemptFailure.ts';
import { createTurns } from './createTurns.ts';

/** Heap of one thread: work that asks for more ends with its thread, the collector does not. */
const heapMb = 256;
/** Time for a thread to load its code; generous, because a machine may be busy with threads that run away. */
const startMs = 30_000;

/** Threads that do one kind of work, each piece within a time limit, so that nothing that a job brings holds up the event loop. */
export interface ThreadPool<Work, Answer> {
  /**
   * Gives the work to a thread and resolves with its answer. Where all are busy it waits its turn, which the limit leaves out. Rejects with `task_error` after
   * `limitMs` or when the thread dies, and with the signal's reason; the thread is ended then, whatever it was doing.
   */
  ask(work: Work, options: { readonly limitMs: number; readonly signal: AbortSignal }): Promise<Answer>;
  /** Ends the idle threads. */
  close(): Promise<void>;
}

/**
 * Makes a pool of threads that run the module `thread`: it posts one message when it is ready, then one answer for each message that it gets.
 * `what` names its work in failures. At most `most` threads work at once (default: as many as there are processors, but two); `keep` idle ones stay.
 */
export function createThreadPool<Work, Answer>({ thread, what, most = Math.max(2, availableParallelism()), keep = 2 }: {
  readonly thread: URL;
  readonly what: string;
  readonly most?: number;
  readonly keep?: number;
}): ThreadPool<Work, Answer> {
  const idle: Worker[] = [];
  const turns = createTurns(most);

  const start = (): Worker => {
    const worker = new Worker(thread, { env: {}, resourceLimits: { maxOldGenerationSizeMb: heapMb }, execArgv: ['--disable-warning=ExperimentalWarning'] });
    worker.unref();
    worker.on('error', () => undefined); // who waits for an answer hears of it; an idle one is only dropped
    worker.once('exit', () => {
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
    });
    return worker;
  };

  /** The thread's next message. */
  const nextMessage = (worker: Worker, limitMs: number, signal: AbortSignal): Promise<unknown> => {
    const ended = new AbortController();
    const on = (event: string, listener: (value: unknown) => void): void => {
      worker.on(event, listener);
      ended.signal.addEventListener('abort', () => worker.off(event, listener));
    };
    return new Promise<unknown>((resolve, reject) => {
      const fail = (message: string, cause?: unknown): void => reject(new AttemptFailure('task_error', message, { cause }));
      const timer = setTimeout(() => fail(`expected ${what} to take less than ${limitMs} ms`), limitMs);
      ended.signal.addEventListener('abort', () => clearTimeout(timer));
      signal.addEventListener('abort', () => reject(signal.reason as Error), { signal: ended.signal });
      on('message', resolve);
      on('error', (cause) => fail(`the thread of ${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`, cause));
      on('exit', () => fail(`the thread of ${what} ended`));
    }).finally(() => ended.abort());
  };

  return {
    async ask(work, { limitMs, signal }) {
      const giveBack = await turns.take(signal);
      let worker = idle.pop();
      let answered = false;
      try {
        if (!worker) {
          worker = start();
          await nextMessage(worker, startMs, signal);
        }
        signal.throwIfAborted();
        worker.postMessage(work);
        const answer = (await nextMessage(worker, limitMs, signal)) as Answer;
        answered = true;
        return answer;
      } finally {
        if (answered && worker && idle.length < keep) idle.push(worker);
        else await worker?.terminate();
        giveBack();
      }
    },
    async close() {
      await Promise.all(idle.splice(0).map((worker) => worker.terminate()));
    },
  };
}
