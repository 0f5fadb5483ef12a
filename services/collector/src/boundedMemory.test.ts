import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { withServer } from '../../../test/support/withServer.ts';
import { createMemoryBudget } from './createMemoryBudget.ts';
import { createTestRunAttempt, inputOf } from './testing/testAttempt.ts';

const mib = 1024 ** 2;

describe('attempts that hold much together', () => {
  it('wait for each other, are not blamed for the time, and give back what they held', async () => {
    const body = JSON.stringify([{ id: 1, text: 'x'.repeat(2.5 * mib) }]);
    await withServer((_request, response) => void response.setHeader('content-type', 'application/json').end(body), async ({ url }) => {
      const { runAttempt, close } = await createTestRunAttempt();
      const budget = createMemoryBudget({ maxBytes: 5 * mib, freeBytes: 0 });
      try {
        const input = inputOf({ source: { http: { url, maxBytes: 4 * mib, timeout: 2_000 } }, key: 'id' }); // long enough for an answer on a busy machine
        const signal = new AbortController().signal;
        const [first, second] = [budget.enter(4 * mib), budget.enter(4 * mib)];
        expect(await runAttempt(input, { signal, share: first })).toMatchObject({ kind: 'complete' });
        // Its items are not away yet: the second may not have as much beside them, however long that takes.
        const waiting = runAttempt(input, { signal, share: second });
        await until(() => second.waitedMs() > 2_200);
        expect([budget.waiting, budget.held]).toEqual([1, 3 * mib + mib]);
        first[Symbol.dispose]();
        expect(await waiting).toMatchObject({ kind: 'complete' });
        second[Symbol.dispose]();
        expect(budget.held).toBe(0);
      } finally {
        await close();
      }
    });
  });
});
