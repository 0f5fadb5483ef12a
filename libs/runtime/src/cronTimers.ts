import { createTask } from 'node-cron';
import type { Logger } from './logger.ts';

/** A housekeeping timer that runs until it is stopped. */
export interface CronTimer {
  readonly name: string;
  /** Ends the timer for good and waits for a run that has begun; safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Runs housekeeping on a cron expression of 5 or 6 fields (UTC). A run that is due while the last one is still going is left out;
 * an error of a run is logged (as a warning where `heals` knows it as one that passes by itself) and the timer goes on. Late runs still happen within a minute, because a busy loop must not drop a sweep.
 * Throws where the expression is none. Never used for fires.
 */
export function everyCron(options: { readonly name: string; readonly expression: string; readonly run: () => Promise<void> | void; readonly log: Logger; readonly heals?: (error: unknown) => boolean }): CronTimer {
  const { name, expression, run, log, heals = () => false } = options;
  let running: Promise<void> | undefined;
  let stopped = false;
  const runOnce = async (): Promise<void> => {
    try {
      await run();
    } catch (error) {
      log[heals(error) ? 'warn' : 'error']({ err: error, timer: name }, 'housekeeping failed; the timer goes on');
    }
  };
  const task = createTask(
    expression,
    () => {
      if (stopped || running) return;
      running = runOnce().finally(() => {
        running = undefined;
      });
    },
    { name, timezone: 'Etc/UTC', missedExecutionTolerance: 60_000, suppressMissedWarning: true },
  );
  void task.start();
  return {
    name,
    async stop() {
      if (!stopped) {
        stopped = true;
        // destroy, not stop: node-cron keeps each task in a global registry until then.
        await task.destroy();
      }
      await running;
    },
  };
}
