import { triggersOf, type Fault, type Schedule, type Trigger } from '@gleaner/contracts';
import { compileSchedule } from './compileSchedule.ts';
import { parseCron } from './parseCron.ts';

/** What is wrong with a schedule that its shape alone does not show, with paths below `schedule`; empty where nothing is. */
export function validateSchedule(schedule: Schedule): Fault[] {
  const faults: Fault[] = [];
  const add = (path: string, code: string, message: string) => { faults.push({ path: path === '' ? 'schedule' : `schedule.${path}`, code, message }); };
  const { start, end, any } = schedule;
  const triggers = triggersOf(schedule);
  for (const [index, trigger] of triggers.entries()) triggerFaults(trigger, schedule, (path, code, message) => { add(any === undefined ? path : `any.${index}.${path}`, code, message); });
  if (faults.length === 0 && triggers.some((trigger) => !('after' in trigger)) && neverFires(schedule))
    add('', 'never_fires', `expected a schedule that fires at least once${start === undefined ? '' : ` after ${start}`}${end === undefined ? '' : ` until ${end}`}; this one never does`);
  return faults;
}

function triggerFaults(trigger: Trigger, { start, end }: Schedule, add: (path: string, code: string, message: string) => void): void {
  if ('cron' in trigger) {
    const parsed = parseCron(trigger.cron);
    if (!parsed.ok) add('cron', 'bad_cron', parsed.reason);
  }
  if ('at' in trigger && ((start !== undefined && trigger.at < start) || (end !== undefined && trigger.at > end)))
    add('at', 'never_fires', `expected a moment between start and end (${start ?? 'any'} to ${end ?? 'any'}); saw ${trigger.at}`);
}

/** A moment in the past is not "never": a schedule whose `end` is over may still be stored, it fired then. */
function neverFires(schedule: Schedule): boolean {
  const from = schedule.start === undefined ? Date.UTC(1970, 0, 1) : Date.parse(schedule.start);
  return compileSchedule(schedule).next(from - 1) === undefined;
}
