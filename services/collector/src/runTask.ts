import { AttemptFailure } from './core/AttemptFailure.ts';
import type { RunTask } from './createRunAttempt.ts';

export const runTask: RunTask = (name) => Promise.reject(new AttemptFailure('task_error', `expected a known task; saw ${JSON.stringify(name)}`));
