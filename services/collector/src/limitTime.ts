import { createContext, Script } from 'node:vm';
import { AttemptFailure } from './core/AttemptFailure.ts';

const call = new Script('work()');
const place = createContext({ work: (): void => undefined });

/**
 * Runs synchronous work that a job's regular expressions may hold up for ever; ends it with `task_error` after `ms`.
 * A watchdog of the engine does it, because no timer of ours gets a turn meanwhile. Costs about 0.1 ms: for parts of a body, not for items.
 */
export function limitTime(ms: number, work: () => void): void {
  let failed: { readonly error: unknown } | undefined;
  place['work'] = (): void => {
    try {
      work();
    } catch (error) {
      failed = { error };
    }
  };
  try {
    call.runInContext(place, { timeout: ms });
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw cause;
    throw new AttemptFailure('task_error', `expected the job's regular expressions to need less than ${ms} ms for a part of the body`, { cause });
  } finally {
    place['work'] = undefined;
  }
  if (failed) throw failed.error;
}
