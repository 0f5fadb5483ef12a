import { inspect } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Calls `condition` until it gives something truthy, and gives that. Fails after `timeout` ms with the value, or the
 * error, that was seen last. `see` is called only then, for what a boolean does not tell.
 */
export async function until<T>(condition: () => T | Promise<T>, { timeout = 10_000, interval = 20, what = '', see }: {
  timeout?: number; interval?: number; what?: string; see?: () => unknown;
} = {}): Promise<Truthy<T>> {
  const deadline = performance.now() + timeout;
  for (;;) {
    let last: { value: T } | { error: unknown };
    try {
      last = { value: await condition() };
    } catch (error) {
      last = { error };
    }
    if ('value' in last && isTruthy(last.value)) return last.value;
    if (performance.now() > deadline) {
      const seen = see === undefined ? ('value' in last ? last.value : last.error) : await see();
      const cause = 'error' in last ? { cause: last.error } : {};
      throw new Error(`${what === '' ? 'the condition' : what} did not come true within ${timeout} ms; last seen: ${inspect(seen, { depth: 6 })}`, cause);
    }
    await delay(interval);
  }
}

function isTruthy<T>(value: T): value is Truthy<T> {
  return Boolean(value);
}
