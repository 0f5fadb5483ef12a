import { connectBroker } from '@gleaner/broker';
import { exchanges, extractionOf, parseJob, queues, topology, tryMessageType } from '@gleaner/contracts';
import type { TryAnswer } from '@gleaner/contracts';
import { createLogger } from '@gleaner/runtime';
import { describe, expect, it } from '@jest/globals';
import { withBroker } from '../../../test/support/withBroker.ts';
import { withServer } from '../../../test/support/withServer.ts';
import { createMemoryBudget } from './createMemoryBudget.ts';
import { createHandleTry } from './handleTry.ts';
import { createTestRunAttempt } from './testing/testAttempt.ts';

const log = createLogger({ service: 'test', level: 'silent' });

async function withTries(fn: (ask: (job: object, more?: object) => Promise<TryAnswer>, management: { queueCounts(): Promise<Record<string, { ready: number }>> }) => Promise<void>): Promise<void> {
  await withBroker(async ({ url, management }) => {
    const broker = await connectBroker({ url, name: 'test', log });
    const { runAttempt, close } = await createTestRunAttempt({ secrets: { KEY: { value: 'hunter22' } } });
    try {
      await broker.declare(topology);
      await broker.reply({ queue: queues.try, concurrency: 2, handler: createHandleTry({ runAttempt, memory: createMemoryBudget({ maxBytes: 64 * 1024 ** 2 }) }) }).ready;
      await fn(async (job, more = {}) => {
        const parsed = parseJob('one', job);
        if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
        const body = { v: 1, source: parsed.definition.source, extraction: extractionOf(parsed.definition), ...more };
        return (await broker.request({ exchange: exchanges.work, routingKey: queues.try, type: tryMessageType, body, deadlineMs: 10_000 })) as TryAnswer;
      }, management);
    } finally {
      await broker.close();
      await close();
    }
  });
}

describe('a try', () => {
  it('shows what would be stored, what was found, and the answer, and stores nothing', async () => {
    await withServer((_request, response) => void response.setHeader('content-type', 'application/json').end('[{"id":1,"n":"x","k":"hunter22","z":-0},{"id":2,"n":"5"},{"id":2,"n":"6"},{"id":3,"n":"7"}]'), async ({ url }) => {
      await withTries(async (ask, management) => {
        const answer = await ask({ source: { http: { url, query: { key: '{{ secret.KEY }}' } } }, key: 'id', where: { id: { $lt: 3 } }, fields: { n: { path: 'n', type: 'number' }, k: 'k', z: 'z' } }, { sample: 1 });
        expect(answer).toMatchObject({
          ok: true, request: { status: 200, bytes: 91 }, requests: 1, counts: { received: 4, kept: 2, duplicates: 1 }, sample: [{ key: '1', data: { n: 'x', k: '[secret.KEY]', z: -0 } }],
          answer: { status: 200, url: `${url}/?key=[secret.KEY]`, headers: { 'content-type': 'application/json' }, body: expect.stringContaining('"id":1') },
        });
        expect(answer.faults.map(({ code }) => code)).toEqual(['warning', 'warning']);
        expect(JSON.stringify(answer)).not.toContain('hunter22');
        expect((await management.queueCounts())[queues.store]?.ready).toBe(0);
      });
    });
  });

  it('answers with the fault where it fails, within its limit', async () => {
    await withServer((request, response) => {
      if (request.url === '/hang') return;
      response.writeHead(404).end('no such thing');
    }, async ({ url }) => {
      await withTries(async (ask) => {
        expect(await ask({ source: { http: { url } }, key: 'id' })).toMatchObject({ ok: false, request: { status: 404 }, counts: { received: 0 }, sample: [], faults: [{ code: 'http_4xx', message: expect.stringContaining('404') }], answer: { body: 'no such thing' } });
        expect(await ask({ source: { http: { url: `${url}/hang` } }, key: 'id' }, { limitMs: 200 })).toMatchObject({ ok: false, faults: [{ code: 'deadline' }] });
        // What another job has to give comes with the request; without it nothing is asked, and that is no success.
        expect(await ask({ source: { http: { url, query: { s: '{{ each }}' }, forEach: { job: 'other', field: 'x' } } }, key: 'id' })).toMatchObject({ ok: false, requests: 0, faults: [{ code: 'bad_template', message: expect.stringContaining('forEach') }] });
        expect(await ask({ source: { task: 'integrate', params: { f: 'x', a: 0, b: 2, c: 0, d: 1, size: 10 } } })).toMatchObject({ ok: true, sample: [{ key: 'result', data: { value: 2 } }] });
      });
    });
  });
});
