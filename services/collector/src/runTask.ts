import { AttemptFailure } from './core/AttemptFailure.ts';
import type { RunTask } from './createRunAttempt.ts';
import { runThread } from './runThread.ts';
import type { TaskAnswer } from './tasks/taskThread.ts';

const thread = new URL('./tasks/taskThread.ts', import.meta.url);

/** Runs a named task in a thread of its own, which ends with the signal, in the middle of whatever it computes. Rejects with `task_error`, or the signal's reason. */
export const runTask: RunTask = async (name, params, signal) => {
  const answer = await runThread<TaskAnswer>({ thread, data: { name, params }, signal });
  if (!answer.ok) throw new AttemptFailure('task_error', answer.message);
  return answer.value;
};
