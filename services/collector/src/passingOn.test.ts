import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { withServer } from '../../../test/support/withServer.ts';
import type { RunAttempt } from './createRunAttempt.ts';
import { createTestRunAttempt, inputOf } from './testing/testAttempt.ts';

/** Runs `fn` with what does an attempt, made of the real parts; little is long, and little is passed on together. */
async function withAttempt(fn: (runAttempt: RunAttempt) => Promise<void>): Promise<void> {
  const { runAttempt, close } = await createTestRunAttempt({ passOnChars: 1_000, longBytes: 2_000 });
  try {
    await fn(runAttempt);
  } finally {
    await close();
  }
}

const signal = new AbortController().signal;
const row = (id: number): string => `{"id":${id},"text":"${'x'.repeat(90)}"}\n`;

describe('items that are passed on while an answer is read', () => {
  it('leave before a long answer has arrived, and upstream gets back the time that they wait for the broker', async () => {
    let passed = 0;
    let rows = 0;
    await withAttempt(async (runAttempt) => await withServer((_request, response) => {
      const timer = setInterval(() => {
        response.write(row(rows));
        rows += 1;
        if (passed === 0) return;
        clearInterval(timer);
        response.end();
      }, 4);
      response.on('close', () => clearInterval(timer));
    }, async ({ url }) => {
      const outcome = await runAttempt(inputOf({ source: { http: { url, timeout: '1500ms' } }, key: 'id', format: 'ndjson' }), { signal, onItems: async (items, ahead) => {
        expect(ahead).toBeUndefined(); // nobody knows yet when it will have
        if (passed === 0) await sleep(1_600);
        passed += items.length;
      } });
      expect([outcome.kind === 'complete' && passed + outcome.items.length, passed > 0]).toEqual([rows, true]);
    }));
  });

  it('stay as long as all answers may be those of last time', async () => {
    await withAttempt(async (runAttempt) => await withServer((request, response) => void response.end(request.url === '/?page=1' ? Array.from({ length: 100 }, (_value, id) => row(id)).join('') : '{"id":"last"}'), async ({ url }) => {
      const paged = inputOf({ source: { http: { url, paginate: { page: { param: 'page' }, maxPages: 3 } } }, key: 'id', format: 'ndjson' });
      for (const validators of [undefined, { run: 'before', bodyHash: 'another' }]) {
        let passed = 0;
        const outcome = await runAttempt({ ...paged, ...(validators ? { validators } : {}) }, { signal, onItems: (items) => {
          passed += items.length;
          return Promise.resolve();
        } });
        expect(outcome).toMatchObject({ kind: 'complete', counts: { kept: 101 } });
        expect(passed > 0).toBe(validators === undefined);
      }
    }));
  });
});
