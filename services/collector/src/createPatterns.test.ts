import { describe, expect, it } from '@jest/globals';
import { withServer } from '../../../test/support/withServer.ts';
import type { MatchPatterns, Patterns } from './createPatterns.ts';
import { createPatterns } from './createPatterns.ts';
import { createTestRunAttempt, inputOf } from './testing/testAttempt.ts';

const forEver = { kind: 'text', expression: '^(a|a)+$', text: `${'a'.repeat(60)}!`, single: false } as const;
const whereForEver = { kind: 'where', where: JSON.stringify({ a: { $regex: '^(a|a)+$' } }), documents: [{ a: 'aa' }, { a: forEver.text }] } as const;
const never = new AbortController().signal;

async function withPatterns(limitMs: number, fn: (match: MatchPatterns, patterns: Patterns) => Promise<void>): Promise<void> {
  const patterns = createPatterns({ limitMs });
  try {
    await fn(patterns.begin(), patterns);
  } finally {
    await patterns.close();
  }
}

describe('regular expressions of jobs', () => {
  it('say the same in a thread as in place', async () => {
    await withPatterns(20_000, async (match, { begin }) => {
      const documents = [{ a: 'x1', n: -0, __proto__: 1, list: [{ a: 'x2' }] }, { a: 'y' }, { a: null }, JSON.parse('{"__proto__":{"a":"x"}}')] as unknown[];
      const works = [
        { kind: 'where', where: JSON.stringify({ $or: [{ a: { $regex: '^X', $options: 'i' } }, { '__proto__.a': { $regex: 'x' } }] }), documents },
        { kind: 'where', where: JSON.stringify({ 'list.a': { $regex: '2$' } }), documents },
        { kind: 'text', expression: '(?<ccy>[A-Z]{3})=(?<rate>[\\d.]+)(?<note>!)?', text: 'USD=1.5 EUR=2!', single: false },
        { kind: 'text', expression: '/^(b)|(c)$/mi', text: 'B\nc', single: false },
        { kind: 'text', expression: '\\w', text: 'ab', single: true },
      ] as const;
      const inPlace: unknown[] = [];
      for (const work of works) inPlace.push(await match(work, never));
      expect(inPlace).toEqual([[true, false, false, true], [true, false, false, false], [{ ccy: 'USD', rate: '1.5' }, { ccy: 'EUR', rate: '2', note: '!' }], [{ 1: 'B' }, { 2: 'c' }], [{ match: 'a' }]]);
      // What ran away once is not run in place again: from here on this attempt's work goes to a thread.
      const moved = begin();
      const abort = new AbortController();
      const running = moved(forEver, abort.signal);
      abort.abort(new Error('enough'));
      await expect(running).rejects.toThrow('enough');
      const inThread: unknown[] = [];
      for (const work of works) inThread.push(await moved(work, never));
      expect(inThread).toEqual(inPlace);
    });
  });

  it.each([['text', forEver], ['where', whereForEver]] as const)('end as task_error where they run away: %s', async (_kind, work) => {
    await withPatterns(200, async (match) => {
      await expect(match(work, never)).rejects.toMatchObject({ class: 'task_error', message: expect.stringContaining('less than 200 ms') });
    });
  });

  it('leave the event loop to others meanwhile', async () => {
    await withPatterns(60_000, async (match, { begin }) => {
      const abort = new AbortController();
      let ended = false;
      const runaway = match(whereForEver, abort.signal).catch((error: unknown) => error).finally(() => (ended = true));
      // A turn of the loop, its timers and other work with expressions: none of it waits for what runs away.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(await begin()({ ...forEver, text: 'aaa' }, never)).toEqual([{ 1: 'a' }]);
      expect(ended).toBe(false);
      abort.abort(new Error('enough'));
      expect(await runaway).toMatchObject({ message: 'enough' });
    });
  });

  it('hold up no other attempt while one runs away, which ends as task_error and says why', async () => {
    const bodies: Record<string, unknown> = { '/runaway': [{ id: 1, a: forEver.text }], '/fine': [{ id: 1, a: 'aaa' }, { id: 2, a: 'b' }] };
    await withServer((request, response) => void response.setHeader('content-type', 'application/json').end(JSON.stringify(bodies[request.url ?? ''])), async ({ url }) => {
      const { runAttempt, close } = await createTestRunAttempt();
      try {
        const attempt = (path: string) => runAttempt(inputOf({ source: { http: { url: `${url}${path}` } }, key: 'id', where: { a: { $regex: '^(a|a)+$' } } }), { signal: never });
        let ended = false;
        const runaway = attempt('/runaway').finally(() => (ended = true));
        for (let turn = 0; turn < 5; turn += 1) expect(await attempt('/fine')).toMatchObject({ kind: 'complete', counts: { received: 2, kept: 1 } });
        expect(ended).toBe(false);
        expect(await runaway).toMatchObject({ kind: 'failed', class: 'task_error', message: expect.stringContaining('regular expressions'), requests: 1 });
      } finally {
        await close();
      }
    });
  });
});
