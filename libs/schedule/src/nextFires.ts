import type { Schedule } from '@gleaner/contracts';
import { compileSchedule } from './compileSchedule.ts';
import { jitterOf } from './jitterOf.ts';

/** One coming fire: its nominal moment, the moment with jitter from which it is published, and whether a clock change touched it. */
export interface Fire {
  readonly at: Date;
  readonly dueAt: Date;
  readonly note?: 'gap' | 'fold';
}

/** The next `count` fires strictly after a moment, oldest first; fewer where the schedule ends. `after` triggers have none. */
export function nextFires(schedule: Schedule, { after, count, jobId }: { readonly after: Date; readonly count: number; readonly jobId: string }): Fire[] {
  const compiled = compileSchedule(schedule);
  const fires: Fire[] = [];
  let at = compiled.next(after.getTime());
  while (at !== undefined && fires.length < count) {
    const note = compiled.note(at);
    fires.push({ at: new Date(at), dueAt: new Date(at + jitterOf({ jobId, at, jitter: schedule.jitter })), ...(note ? { note } : {}) });
    at = compiled.next(at);
  }
  return fires;
}
