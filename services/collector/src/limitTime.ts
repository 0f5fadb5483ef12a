import { Script } from 'node:vm';
import { AttemptFailure } from './core/AttemptFailure.ts';

const call = new Script('globalThis[Symbol.for("gleaner.work")]()');
const slot = Symbol.for('gleaner.work');

/**
 * Runs synchronous work that a job's regular expressions may hold up for ever; ends it with `task_error` after `ms`.
 * A watchdog of the engine does it, because no timer of ours gets a turn meanwhile. Costs about 0.1 ms: for parts of a body, not for items.
 */
export function limitTime(ms: number, work: () => void): void {
  let failed: { readonly error: unknown } | undefined;
  const slots = globalThis as unknown as Record<symbol, unknown>;
  slots[slot] = (): void => {
    try {
      work();
    } catch (error) {
      failed = { error };
    }
  };
  try {
    call.runInThisContext({ timeout: ms });
  } catch (cause) {
    throw new AttemptFailure('task_error', `expected the job's regular expressions to need less than ${ms} ms for a part of the body`, { cause });
  } finally {
    slots[slot] = undefined;
  }
  if (failed) throw failed.error;
}
