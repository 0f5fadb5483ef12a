import type { Played } from './played.ts';
import { seededWalk } from './seededRandom.ts';

/** How many steps until the recorded days are played again. */
const ecbCycle = 32;

/**
 * The European Central Bank's daily rates at a step. The recorded days come first, byte for byte; then a simulation goes on from the last of them
 * in the same format (every rate with as many decimals), one banking day a step.
 */
export function ecbRatesAt({ recorded, seed, step }: { readonly recorded: readonly string[]; readonly seed: number; readonly step: number }): Played {
  const place = step % ecbCycle;
  const known = recorded[place];
  if (known !== undefined) return { body: Buffer.from(known), origin: 'recorded' };
  const last = recorded.at(-1);
  if (last === undefined) throw new RangeError('expected at least one recorded day; saw none');
  let series = 0;
  const moved = last
    .replace(/(currency='(\w+)' rate=')(\d+)(\.\d+)?'/g, (_all, head: string, _code: string, whole: string, fraction = '') => {
      const rate = Number(`${whole}${fraction}`) * Math.exp(2 * seededWalk(seed, 300 + (series += 1), step));
      return `${head}${rate.toFixed(Math.max(0, fraction.length - 1))}'`;
    })
    .replace(/time='([\d-]+)'/, (_all, day: string) => `time='${bankingDay(day, place - recorded.length + 1)}'`);
  return { body: Buffer.from(moved), origin: 'simulation' };
}

/** The n-th Monday to Friday after a day. */
function bankingDay(from: string, count: number): string {
  const day = new Date(`${from}T00:00:00Z`);
  for (let left = count; left > 0; left -= isWeekend(day) ? 0 : 1) day.setUTCDate(day.getUTCDate() + 1);
  return day.toISOString().slice(0, 10);
}

const isWeekend = (day: Date): boolean => day.getUTCDay() === 0 || day.getUTCDay() === 6;
