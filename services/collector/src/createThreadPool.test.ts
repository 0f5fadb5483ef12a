import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { createThreadPool } from './createThreadPool.ts';

interface Work { readonly answer?: number; readonly spin?: boolean; readonly die?: boolean }
/** A thread that answers with what it is given, runs for ever, or dies; every answer says how many it has given. */
const thread = new URL(`data:text/javascript,${encodeURIComponent(`
import { parentPort } from 'node:worker_threads';
let count = 0;
parentPort.on('message', (work) => {
  if (work.die) throw new Error('died of it');
  while (work.spin);
  parentPort.postMessage({ answer: work.answer, count: (count += 1) });
});
parentPort.postMessage('ready');
`)}`);
const never = new AbortController().signal;

async function withPool(most: number, fn: (ask: (work: Work, more?: { limitMs?: number; signal?: AbortSignal }) => Promise<{ answer: number; count: number }>) => Promise<void>): Promise<void> {
  const pool = createThreadPool<Work, { answer: number; count: number }>({ thread, what: 'the work', most, keep: 1 });
  try {
    await fn((work, { limitMs = 20_000, signal = never } = {}) => pool.ask(work, { limitMs, signal }));
  } finally {
    await pool.close();
  }
}

describe('a pool of threads', () => {
  it('answers, uses a thread again, and lets the next one wait in its turn', async () => {
    await withPool(1, async (ask) => {
      const order: number[] = [];
      const answers = await Promise.all([1, 2, 3].map((answer) => ask({ answer }).finally(() => order.push(answer))));
      expect(answers).toEqual([{ answer: 1, count: 1 }, { answer: 2, count: 2 }, { answer: 3, count: 3 }]);
      expect(order).toEqual([1, 2, 3]);
    });
  });

  it('ends a thread that is over its time; the one that waited gets a fresh one, and its own time whole', async () => {
    await withPool(1, async (ask) => {
      const late = ask({ spin: true }, { limitMs: 300 });
      const next = ask({ answer: 7 }, { limitMs: 5_000 });
      await expect(late).rejects.toMatchObject({ class: 'task_error', message: 'expected the work to take less than 300 ms' });
      expect(await next).toEqual({ answer: 7, count: 1 });
    });
  });

  it('outlives a thread that dies', async () => {
    await withPool(2, async (ask) => {
      await expect(ask({ die: true })).rejects.toMatchObject({ class: 'task_error', message: expect.stringContaining('died of it') });
      expect(await ask({ answer: 1 })).toEqual({ answer: 1, count: 1 });
    });
  });

  it('gives up when it is told to, at work and while it waits, and keeps no place', async () => {
    await withPool(1, async (ask) => {
      const [atWork, waiting] = [new AbortController(), new AbortController()];
      const ended: string[] = [];
      const first = ask({ spin: true }, { signal: atWork.signal }).catch((error: Error) => ended.push(error.message));
      const second = ask({ answer: 2 }, { signal: waiting.signal }).catch((error: Error) => ended.push(error.message));
      const third = ask({ answer: 3 });
      waiting.abort(new Error('tired of waiting'));
      await until(() => ended.length === 1);
      atWork.abort(new Error('given up'));
      expect(await third).toEqual({ answer: 3, count: 1 });
      await Promise.all([first, second]);
      expect(ended).toEqual(['tired of waiting', 'given up']);
      await expect(ask({ answer: 4 }, { signal: AbortSignal.abort(new Error('at once')) })).rejects.toThrow('at once');
    });
  });
});
