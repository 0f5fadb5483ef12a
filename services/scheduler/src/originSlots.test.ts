import type { Database } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { createOriginSlots, type OriginSlots } from './originSlots.ts';
import type { KnownRun } from './runBook.ts';

const run = (id: string, origins: readonly string[], extra: Partial<KnownRun> = {}): KnownRun => ({
  _id: id, job: id, dataset: 'd', jobVersion: 1, trigger: 'manual', state: 'due', scheduledAt: new Date(0), dueAt: new Date(0), insertedAt: new Date(0), dueSince: new Date(0), attempts: 0, maxAttempts: 5, inputs: {}, origins, ...extra,
});
// Nothing here is read from the database.
const slotsOf = (limits: Readonly<Record<string, number>>): OriginSlots => {
  const slots = createOriginSlots({ database: {} as Database, defaults: { concurrency: 1_000 }, startedAt: 0 });
  for (const [origin, concurrency] of Object.entries(limits)) slots.wish(`job of ${origin}`, [origin], { concurrency });
  return slots;
};
const ask = (slots: OriginSlots, ...runs: readonly KnownRun[]): boolean[] => runs.map((one) => slots.admit(one, 1, {}));
const idsReady = (slots: OriginSlots, now = 1): string[] => [...new Set(slots.takeReady(now).map(({ _id }) => _id))];

describe('the slots of an origin', () => {
  it('go to the next in the queue when the one before it has ended while it waited', () => {
    const slots = slotsOf({ x: 1 });
    const [a, b, c] = [run('a', ['x']), run('b', ['x']), run('c', ['x'])];
    expect(ask(slots, a, b, c)).toEqual([true, false, false]);
    slots.leave(b);
    slots.release({ run: 'a', try: 1 }, 1);
    expect(idsReady(slots)).toEqual(['c']);
    expect(ask(slots, c)).toEqual([true]);
  });

  it('go to the next at once when the one that they were offered to ends before it takes them', () => {
    const slots = slotsOf({ x: 1 });
    const [a, b, c] = [run('a', ['x']), run('b', ['x']), run('c', ['x'])];
    ask(slots, a, b, c);
    slots.release({ run: 'a', try: 1 }, 1);
    expect(idsReady(slots)).toEqual(['b']);
    slots.leave(b);
    expect(idsReady(slots)).toEqual(['c']);
  });

  it('are not kept from others by a run that waits at another of its origins, and its place in the queue is kept for it', () => {
    const slots = slotsOf({ x: 1, y: 1 });
    const [first, both, x1, x2] = [run('first', ['y']), run('both', ['x', 'y']), run('x1', ['x']), run('x2', ['x'])];
    const here = run('here', ['x']);
    // `both` waits at x first, and then at y.
    expect(ask(slots, first, here, both)).toEqual([true, true, false]);
    slots.release({ run: 'here', try: 1 }, 1);
    expect(idsReady(slots)).toEqual(['both']);
    expect(ask(slots, both, x1, x2)).toEqual([false, true, false]);
    slots.release({ run: 'first', try: 1 }, 1);
    expect(idsReady(slots)).toContain('both');
    expect(ask(slots, both)).toEqual([false]); // x is taken again
    slots.release({ run: 'x1', try: 1 }, 1);
    // It came to x before x2.
    expect(idsReady(slots)).toEqual(['both']);
    expect(ask(slots, x2, both)).toEqual([false, true]);
  });

  it('stay with a try that was given up while the next waits for its own', () => {
    const slots = slotsOf({ x: 1 });
    const [a] = [run('a', ['x'], { attempts: 1, state: 'running' })];
    slots.follow(a, 1);
    const lost = { ...a, state: 'retrying' as const, slotTry: 1, slotUntil: new Date(1_000) };
    slots.follow(lost, 1);
    expect(slots.lingering(10)).toMatchObject([{ run: 'a', try: 1 }]);
    expect(slots.admit(lost, 1, {})).toBe(false);
    expect(slots.admit(lost, 999, {})).toBe(false);
    expect(idsReady(slots, 1_000)).toEqual(['a']);
    expect(slots.admit(lost, 1_000, {})).toBe(true);
    expect([slots.holds({ run: 'a', try: 1 }), slots.holds({ run: 'a', try: 2 })]).toEqual([false, true]);
  });

  it('are given back by a run that was let in and not moved after all', () => {
    const slots = slotsOf({ x: 1 });
    const a = run('a', ['x'], { attempts: 1, state: 'retrying' });
    expect(slots.admit(a, 1, {})).toBe(true);
    slots.follow(a, 1); // as the database has it: its move has failed
    expect(slots.admit(a, 1, {})).toBe(true);
  });

  it('are offered to those that wait as soon as a job wants less of a limit, or none', () => {
    const slots = slotsOf({ x: 1 });
    const [a, b, c] = [run('a', ['x']), run('b', ['x']), run('c', ['x'])];
    expect(ask(slots, a, b, c)).toEqual([true, false, false]);
    expect(idsReady(slots)).toEqual([]);
    slots.wish('job of x', ['x'], { concurrency: 2 });
    expect(idsReady(slots)).toEqual(['b']);
    slots.wish('job of x', [], undefined);
    expect(idsReady(slots)).toEqual(['b', 'c']);
  });

  it('are as many as the tightest job wants now, wherever it wanted them before', () => {
    const slots = slotsOf({});
    const runs = [run('a', ['x']), run('b', ['x']), run('c', ['y']), run('d', ['y'])];
    slots.wish('job', ['x'], { concurrency: 1 });
    slots.wish('job', ['y'], { concurrency: 1, perMinute: 60 });
    expect([slots.spacingOf(['x'], {}), slots.spacingOf(['x', 'y'], {})]).toEqual([undefined, 1_009]);
    slots.wish('job', ['y'], { concurrency: 1 });
    expect(ask(slots, ...runs)).toEqual([true, true, true, false]);
    slots.wish('job', [], undefined);
    expect(ask(slots, ...runs.slice(3))).toEqual([true]);
  });
});
