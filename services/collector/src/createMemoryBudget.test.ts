import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createMemoryBudget } from './createMemoryBudget.ts';
import type { MemoryShare } from './createMemoryBudget.ts';

const mib = 1024 ** 2;
const never = new AbortController().signal;
/** Lets every promise that can go on do so. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Asks for so many MiB; `held` tells whether they were given. */
function ask(share: MemoryShare, size: number, signal = never): { held: boolean; refused: unknown } {
  const state = { held: false, refused: undefined as unknown };
  share.hold(size * mib, signal).then(() => (state.held = true), (error: unknown) => (state.refused = error));
  return state;
}

describe('the memory of all attempts together', () => {
  it('lets small answers pass, whatever others hold', async () => {
    const budget = createMemoryBudget({ maxBytes: 10 * mib });
    const large = budget.enter(11 * mib);
    await large.hold(11 * mib, never);
    const small = budget.enter(64 * mib);
    const asked = ask(small, 1);
    await turn();
    expect([asked.held, budget.held, budget.waiting]).toEqual([true, 10 * mib, 0]);
  });

  it('lets the first go on, and those behind it only with what it cannot need itself', async () => {
    const budget = createMemoryBudget({ maxBytes: 10 * mib, freeBytes: 0 });
    const [first, second, third] = [budget.enter(6 * mib), budget.enter(6 * mib), budget.enter(6 * mib)];
    const asked = [ask(first, 2), ask(second, 4), ask(third, 1)];
    await turn();
    // 6 for the first, of which it holds 2 as yet; 4 for the second; nothing is left for the third.
    expect([asked.map(({ held }) => held), budget.held, budget.waiting]).toEqual([[true, true, false], 6 * mib, 1]);
    const more = ask(first, 6);
    await turn();
    expect([more.held, budget.held]).toEqual([true, 10 * mib]);
    first[Symbol.dispose]();
    await turn();
    expect([asked[2]?.held, budget.held, budget.waiting]).toEqual([true, 5 * mib, 0]);
    second[Symbol.dispose]();
    third[Symbol.dispose]();
    expect(budget.held).toBe(0);
  });

  it('lets one that alone outgrows the budget run alone, in its turn', async () => {
    const budget = createMemoryBudget({ maxBytes: 10 * mib, freeBytes: 0 });
    const [before, giant, after] = [budget.enter(5 * mib), budget.enter(50 * mib), budget.enter(2 * mib)];
    const asked = [ask(before, 1), ask(giant, 9), ask(after, 1)];
    await turn();
    // The giant may not take what the first could still need; the last must leave room for the giant, and there is none.
    expect(asked.map(({ held }) => held)).toEqual([true, false, false]);
    before[Symbol.dispose]();
    await turn();
    expect(asked.map(({ held }) => held)).toEqual([true, true, false]);
    const whole = ask(giant, 50);
    await turn();
    expect([whole.held, asked[2]?.held]).toEqual([true, false]);
    giant[Symbol.dispose]();
    await turn();
    expect([asked[2]?.held, budget.held]).toEqual([true, mib]);
  });

  it('gives up waiting when it is told to, keeps what it had, and counts the time', async () => {
    let clock = 0;
    const budget = createMemoryBudget({ maxBytes: 4 * mib, freeBytes: 0, now: () => clock });
    const [first, second] = [budget.enter(4 * mib), budget.enter(4 * mib)];
    await first.hold(1, never);
    const abort = new AbortController();
    const asked = ask(second, 2, abort.signal);
    clock = 700;
    expect([second.waitedMs(), first.waitedMs(), budget.waiting]).toEqual([700, 0, 1]);
    abort.abort(new Error('deadline'));
    await turn();
    expect([asked.refused, budget.waiting, second.waitedMs()]).toEqual([new Error('deadline'), 0, 700]);
    second[Symbol.dispose]();
    await expect(budget.enter(mib * 2).hold(mib, AbortSignal.abort(new Error('ended')))).rejects.toThrow('ended');
    expect(budget.held).toBe(mib);
  });

  it('stays within its bytes, passes nobody over and always comes to an end, in any order of events', async () => {
    const attempt = fc.record({ most: fc.integer({ min: 1, max: 30 }), steps: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 6 }) });
    await fc.assert(fc.asyncProperty(fc.array(attempt, { minLength: 1, maxLength: 8 }), fc.integer({ min: 5, max: 20 }), fc.array(fc.nat(), { minLength: 60, maxLength: 60 }), async (attempts, max, picks) => {
      const budget = createMemoryBudget({ maxBytes: max * mib, freeBytes: 0 });
      const running = attempts.map(({ most, steps }) => ({ share: budget.enter(most * mib), most, steps: [...steps], size: 0, asked: undefined as { held: boolean } | undefined }));
      let turns = 0;
      while (running.length > 0) {
        const ready = running.filter(({ asked }) => asked === undefined || asked.held);
        expect(ready.length).toBeGreaterThan(0); // else nobody would ever go on
        const one = ready[(picks[turns % picks.length] ?? 0) % ready.length];
        turns += 1;
        const step = one?.steps.shift();
        if (!one) break;
        if (step === undefined) {
          one.share[Symbol.dispose]();
          running.splice(running.indexOf(one), 1);
        } else {
          one.size = Math.min(one.most, one.size + step);
          one.asked = ask(one.share, one.size);
        }
        await turn();
        // What is over the budget is one attempt's own size, and it is alone then.
        if (budget.held > max * mib) expect(running.filter(({ size, asked }) => size > 0 && asked?.held).length).toBe(1);
      }
      expect([budget.held, budget.waiting]).toEqual([0, 0]);
    }), { numRuns: 200 });
  });
});
