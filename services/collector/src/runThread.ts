import { Worker } from 'node:worker_threads';
import { AttemptFailure } from './core/AttemptFailure.ts';

/** Heap of one thread: a task that asks for more ends, the collector does not. */
const heapMb = 256;

/**
 * Starts a thread with its data and resolves with the first message that it posts; the thread is gone afterwards, whatever it was doing.
 * Rejects with the signal's reason, or `task_error` where the thread dies or, after `limitMs`, has not answered.
 */
export async function runThread<T>({ thread, data, signal, limitMs }: { readonly thread: URL; readonly data: unknown; readonly signal: AbortSignal; readonly limitMs?: number }): Promise<T> {
  signal.throwIfAborted();
  const worker = new Worker(thread, { workerData: data, env: {}, resourceLimits: { maxOldGenerationSizeMb: heapMb }, execArgv: ['--disable-warning=ExperimentalWarning'] });
  let onAbort: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      if (limitMs !== undefined) timer = setTimeout(() => reject(new AttemptFailure('task_error', `expected an answer within ${limitMs} ms`)), limitMs);
      worker.once('message', resolve);
      worker.once('error', (cause) => reject(new AttemptFailure('task_error', `the thread failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })));
      worker.once('exit', (code) => reject(new AttemptFailure('task_error', `the thread ended without an answer (exit code ${code})`)));
    });
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}
