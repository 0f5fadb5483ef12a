import { parentPort, workerData } from 'node:worker_threads';
import type { TaskName } from '@gleaner/contracts';
import { AttemptFailure } from '../core/AttemptFailure.ts';
import { tasks } from './tasks.ts';

/** What the thread of a task answers with, once. */
export type TaskAnswer = { readonly ok: true; readonly value: Readonly<Record<string, unknown>> } | { readonly ok: false; readonly message: string };

const { name, params } = workerData as { readonly name: string; readonly params: Readonly<Record<string, unknown>> };
let answer: TaskAnswer;
try {
  const task = await (Object.hasOwn(tasks, name) ? tasks[name as TaskName]() : undefined);
  answer = task ? { ok: true, value: await task(params) } : { ok: false, message: `expected one of ${Object.keys(tasks).join(', ')} as the task; saw ${JSON.stringify(name)}` };
} catch (error) {
  answer = { ok: false, message: error instanceof AttemptFailure ? error.message : `task ${name}: ${error instanceof Error ? error.message : String(error)}` };
}
parentPort?.postMessage(answer);
