import type { TaskName } from '@gleaner/contracts';

/** Named computations, one file each: loaded only in the thread that runs one. */
export type Task = (params: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;

export const tasks: Readonly<Record<TaskName, () => Promise<Task>>> = {
  integrate: async () => (await import('./integrateTask.ts')).integrateTask,
};
