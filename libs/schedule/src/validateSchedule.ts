import { triggersOf, type Fault, type Schedule, type Trigger } from '@gleaner/contracts';
import { compileSchedule } from './compileSchedule.ts';
import { parseCron } from './parseCron.ts';
import { zoneSegmentAt } from './zoneSegments.ts';

/** What is wrong with a schedule that its shape alone does not show, with paths below `schedule`; empty where nothing is. */
export function validateSchedule(schedule: Schedule): Fault[] {
  const faults: Fault[] = [];
  const add = (path: string, code: string, message: string) => { faults.push({ path: path === '' ? 'schedule' : `schedule.${path}`, code, message }); };
  const { timezone, start, end, any } = schedule;
  if (!isZone(timezone)) add('timezone', 'unknown_timezone', `expected an IANA time zone such as Europe/Kyiv or UTC; saw ${JSON.stringify(timezone)}`);
  if (start !== undefined && end !== undefined && end <= start) add('end', 'end_before_start', `expected a moment after start (${start}); saw ${end}`);
  const triggers = triggersOf(schedule);
  for (const [index, trigger] of triggers.entries()) triggerFaults(trigger, schedule, (path, code, message) => { add(any === undefined ? path : `any.${index}.${path}`, code, message); });
  if (faults.length === 0 && triggers.some((trigger) => !('after' in trigger)) && neverFires(schedule))
    add('', 'never_fires', `expected a schedule that fires at least once${start === undefined ? '' : ` after ${start}`}${end === undefined ? '' : ` until ${end}`}; this one never does`);
  return faults;
}

function triggerFaults(trigger: Trigger, { start, end }: Schedule, add: (path: string, code: string, message: string) => void): void {
  if ('every' in trigger && (!Number.isSafeInteger(trigger.every) || trigger.every < 1_000)) add('every', 'too_short', `expected an interval of at least 1s; saw ${trigger.every} ms`);
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

function isZone(zone: string): boolean {
  if (/^[+-]/.test(zone)) return false;
  try {
    zoneSegmentAt(zone, 0);
    return true;
  } catch {
    return false; // Intl throws a RangeError for a zone it does not know: that is the answer.
  }
}
