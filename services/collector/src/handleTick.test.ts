import { extractionHash, extractionOf, exchanges, messageTypes, parseJob, queues, readMessage, requestHash, topology } from '@gleaner/contracts';
import type { Batch, Report, Tick } from '@gleaner/contracts';
import { connectBroker, done } from '@gleaner/broker';
import type { Broker, Delivery } from '@gleaner/broker';
import { createLogger } from '@gleaner/runtime';
import { describe, expect, it } from '@jest/globals';
import { ulid } from 'ulid';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import { withServer } from '../../../test/support/withServer.ts';
import { createAbortRegistry } from './createAbortRegistry.ts';
import { createHandleControl } from './handleControl.ts';
import { createMemoryBudget } from './createMemoryBudget.ts';
import { createHandleTick } from './handleTick.ts';
import type { OriginPauses } from './createOriginPauses.ts';
import { createTestRunAttempt } from './testing/testAttempt.ts';

const log = createLogger({ service: 'test', level: 'silent' });

function tickOf(job: object, more: Partial<Tick> = {}): Tick {
  const parsed = parseJob('rates', job);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return {
    v: 1, run: 'rates@2026-11-21T05:20:00.000Z', job: 'rates', dataset: 'd1', jobVersion: 3, try: 1, queuedAt: '2026-11-21T05:20:00.004Z', fireAt: '2026-11-21T05:20:00.000Z',
    source: parsed.definition.source, extraction: extractionOf(parsed.definition), extractionHash: extractionHash(parsed.definition), requestHash: requestHash(parsed.definition),
    inputs: {}, maxDuration: 60_000, token: 1, ...more,
  };
}

interface Stage {
  readonly broker: Broker;
  readonly sent: (Batch | Report)[];
  readonly aborts: ReturnType<typeof createAbortRegistry>;
  readonly pauses: OriginPauses;
  readonly depth: (queue: string) => Promise<number>;
  tick(job: object, more?: Partial<Tick>): Promise<void>;
  report(kind: Report['kind']): Promise<Report>;
  stop(): Promise<void>;
}

/** A collector's handler on a real broker, and what it sends to `store`, in order. */
async function withCollector(fn: (stage: Stage) => Promise<void>, { heartbeatMs, startedAfterMs }: { readonly heartbeatMs?: number; readonly startedAfterMs?: number } = {}): Promise<void> {
  await withBroker(async ({ url, management }) => {
    const broker = await connectBroker({ url, name: 'test', log });
    const { runAttempt, pauses, snapshots, close } = await createTestRunAttempt({ secrets: { KEY: { value: 'hunter22' } } });
    try {
      await broker.declare(topology);
      const sent: (Batch | Report)[] = [];
      const aborts = createAbortRegistry();
      const control = broker.subscribe({ exchange: exchanges.control, routingKeys: ['#'], handler: createHandleControl({ aborts, pauses, log }) });
      await control.ready;
      const store = broker.consume({
        queue: queues.store, concurrency: 1,
        handler: ({ type, body }) => {
          const message = readMessage(type, body);
          if (!message.ok) throw new Error(message.reason);
          if (message.type === 'batch') sent.push(message.batch);
          if (message.type === 'report') sent.push(message.report);
          return done();
        },
      });
      const ticks = broker.consume({ queue: queues.collect, concurrency: 4, handler: createHandleTick({ broker, runAttempt, newAttempt: ulid, aborts, snapshots, memory: createMemoryBudget({ maxBytes: 64 * 1024 ** 2 }), ...(heartbeatMs === undefined ? {} : { heartbeatMs }), ...(startedAfterMs === undefined ? {} : { startedAfterMs }), log }) });
      await Promise.all([store.ready, ticks.ready]);
      await fn({
        broker, sent, aborts, pauses,
        depth: async (queue) => {
          const count = (await management.queueCounts())[queue];
          return (count?.ready ?? 0) + (count?.unacked ?? 0);
        },
        tick: (job, more) => broker.publish({ exchange: exchanges.work, routingKey: queues.collect, type: messageTypes.tick, messageId: ulid(), body: tickOf(job, more) }),
        report: (kind) => until(() => sent.find((message): message is Report => 'kind' in message && message.kind === kind), { see: () => sent }),
        stop: () => ticks.stop({ deadlineMs: 500 }),
      });
    } finally {
      await broker.close();
      await close();
    }
  });
}

describe('a tick', () => {
  it('becomes one complete message that holds the items and says when the attempt began', async () => {
    await withServer(
      (_request, response) => void response.setHeader('content-type', 'application/json').end('[{"ccy":"USD","rate":41.5},{"ccy":"EUR","rate":-0}]'),
      ({ url }) => withCollector(async ({ sent, tick, report, depth }) => {
        await tick({ source: { http: { url } }, key: 'ccy' });
        const complete = await report('complete');
        expect(sent.map((message) => ('kind' in message ? message.kind : 'batch'))).toEqual(['complete']);
        expect(Math.abs(Date.now() - Date.parse(complete.startedAt ?? ''))).toBeLessThan(10_000);
        expect(complete).toMatchObject({ run: 'rates@2026-11-21T05:20:00.000Z', dataset: 'd1', jobVersion: 3, try: 1, batches: 0, counts: { received: 2, kept: 2, duplicates: 0 }, requests: 1, request: { status: 200, bytes: 51 }, validators: { bodyHash: expect.any(String) } });
        expect(complete.kind === 'complete' && complete.items?.map(({ k, d }) => [k, d])).toEqual([['USD', { ccy: 'USD', rate: 41.5 }], ['EUR', { ccy: 'EUR', rate: -0 }]]);
        await until(async () => (await depth(queues.collect)) === 0);
        expect(await depth('collect.dead')).toBe(0);
      }, { startedAfterMs: 60_000 }), // however slow the machine: this answer comes at once
    );
  });

  it('of a dataset whose newest snapshot this collector sent is answered with what has changed since', async () => {
    let body = '[{"ccy":"USD","rate":41.5},{"ccy":"EUR","rate":48},{"ccy":"PLN","rate":11}]';
    await withServer(
      (_request, response) => void response.setHeader('content-type', 'application/json').end(body),
      ({ url }) => withCollector(async ({ sent, tick, report }) => {
        const job = { source: { http: { url } }, key: 'ccy' };
        await tick(job, { run: 'rates@1' });
        const first = await report('complete');
        const validators = { run: 'rates@1', bodyHash: first.kind === 'complete' ? (first.validators?.bodyHash ?? '') : '' };
        await tick(job, { run: 'rates@2', validators });
        await report('unchanged');
        body = '[{"ccy":"USD","rate":41.6},{"ccy":"EUR","rate":48}]';
        await tick(job, { run: 'rates@3', validators: { ...validators, run: 'rates@2' } });
        expect(await report('changes')).toMatchObject({ run: 'rates@3', base: 'rates@2', batches: 0, counts: { received: 2, kept: 2 }, items: [{ k: 'USD', d: { ccy: 'USD', rate: 41.6 } }, { k: 'PLN', gone: true }] });
        sent.length = 0;
        await tick(job, { run: 'rates@4', validators: { ...validators, run: 'rates@never-sent-from-here' } });
        expect(await report('complete')).toMatchObject({ run: 'rates@4', counts: { kept: 2 }, items: [{ k: 'USD' }, { k: 'EUR' }] });
      }),
    );
  });

  it('sends what is too large for one message as batches of at most 512 KiB, then the report', async () => {
    const rows = Array.from({ length: 3_000 }, (_value, id) => ({ id, text: 'ы'.repeat(200) }));
    await withServer(
      (_request, response) => void response.setHeader('content-type', 'application/json').end(JSON.stringify([...rows, { id: 'large', text: 'x'.repeat(700_000) }])),
      ({ url }) => withCollector(async ({ sent, tick, report }) => {
        await tick({ source: { http: { url } }, key: 'id' });
        const complete = await report('complete');
        const batches = sent.filter((message) => 'seq' in message);
        expect(complete).toMatchObject({ batches: batches.length, counts: { kept: 3_001 } });
        expect(complete).not.toHaveProperty('items');
        expect(sent.at(-1)).toBe(complete);
        expect(batches.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(batches.map((_batch, index) => index));
        expect(batches.flatMap(({ items }) => items.map(({ k }) => k)).toSorted()).toEqual([...rows.map(({ id }) => String(id)), 'large'].toSorted());
        for (const batch of batches) expect(Buffer.byteLength(JSON.stringify(batch)) <= 512 * 1024 || batch.items.length === 1).toBe(true);
        expect(batches.length).toBeLessThan(7);
      }),
    );
  });

  it('reports a failed try with its class, evidence without secrets, and what upstream asks for', async () => {
    await withServer(
      (request, response) => void response.writeHead(429, { 'retry-after': '7', 'x-echo': `${request.headers.authorization}` }).end(`slow down, ${request.url}`),
      ({ url }) => withCollector(async ({ tick, report, sent }) => {
        await tick({ source: { http: { url, query: { key: '{{ secret.KEY }}' }, auth: { basic: { user: 'me', password: '{{ secret.KEY }}' } } } }, key: 'ccy' });
        expect(await report('failed')).toMatchObject({ class: 'rate_limited', status: 429, retryAfterMs: 7_000, requests: 1, evidence: { status: 429, body: expect.stringContaining('slow down'), headers: { 'retry-after': '7' } } });
        expect(sent.map((message) => ('kind' in message ? message.kind : 'batch'))).toEqual(['started', 'failed']); // only an attempt that has begun can fail
        expect(JSON.stringify(sent)).not.toMatch(/hunter22|aHVudGVyMjI|bWU6aHVudGVy|1bnRlcjIy/);
      }),
    );
  });

  it('tells that it is alive and how far it has come, as long as it runs', async () => {
    let end: (() => void) | undefined;
    await withServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write(`[{"ccy":"USD","pad":"${'x'.repeat(20_000)}"},`);
      const slowly = setInterval(() => response.write(' '), 50);
      end = () => {
        clearInterval(slowly);
        response.end('{"ccy":"EUR"}]');
      };
    }, ({ url }) => withCollector(async ({ sent, tick, report }) => {
      await tick({ source: { http: { url } }, key: 'ccy' });
      const beats = () => sent.filter((message) => 'kind' in message && message.kind === 'heartbeat');
      await until(() => beats().length >= 3 && beats().some((beat) => 'progress' in beat && beat.progress?.received === 1), { see: () => sent });
      end?.();
      await report('complete');
      expect(beats().map((beat) => ('n' in beat ? beat.n : 0))).toEqual(beats().map((_beat, index) => index + 1));
    }, { heartbeatMs: 50 }));
  });

  it('ends as `deadline` when it lasts longer than maxDuration', async () => {
    await withServer(() => undefined, ({ url }) => withCollector(async ({ tick, report }) => {
      await tick({ source: { http: { url } }, key: 'ccy' }, { maxDuration: 100 });
      expect(await report('failed')).toMatchObject({ class: 'deadline', message: expect.stringContaining('100 ms') });
    }));
  });

  it('says only that it asks no more when its run is aborted', async () => {
    let closed = false;
    await withServer((request) => void request.socket.on('close', () => (closed = true)), ({ url }) => withCollector(async ({ broker, tick, report, sent, aborts, depth }) => {
      await tick({ source: { http: { url } }, key: 'ccy' });
      await report('started');
      broker.announce(exchanges.control, 'abort', { kind: 'abort', run: 'rates@2026-11-21T05:20:00.000Z', try: 1, reason: 'cancelled' });
      await until(() => aborts.size === 0 && closed);
      await until(async () => (await depth(queues.collect)) === 0);
      expect(sent).toMatchObject([{ kind: 'started' }, { kind: 'failed', class: 'aborted', requests: 1 }]);
    }));
  });

  it('of a run that was aborted before it came is given up without a request', async () => {
    let hits = 0;
    await withServer((_request, response) => { hits += 1; response.setHeader('content-type', 'application/json').end('[]'); }, ({ url }) => withCollector(async ({ broker, tick, sent, report, depth, aborts }) => {
      broker.announce(exchanges.control, '', { kind: 'abort', run: 'rates@late', try: 1, reason: 'cancelled' });
      await until(() => { using entry = aborts.enter({ run: 'rates@late', try: 1 }); return entry.signal.aborted; });
      await tick({ source: { http: { url } }, key: 'ccy' }, { run: 'rates@late' });
      expect(await report('failed')).toMatchObject({ run: 'rates@late', class: 'aborted', requests: 0 });
      await until(async () => (await depth(queues.collect)) === 0);
      expect(hits).toBe(0);
      expect(sent).toHaveLength(1);
    }));
  });

  it('leaves an origin alone that asked for quiet: for a moment by waiting, for longer by another try', async () => {
    const hits: number[] = [];
    await withServer((_request, response) => {
      hits.push(Date.now());
      response.setHeader('content-type', 'application/json').end('[{"ccy":"USD"}]');
    }, ({ url }) => withCollector(async ({ broker, tick, report, pauses }) => {
      const soon = Date.now() + 500;
      pauses.pause(url, soon);
      await tick({ source: { http: { url } }, key: 'ccy' });
      await report('complete');
      expect(hits[0]).toBeGreaterThanOrEqual(soon);
      broker.announce(exchanges.control, 'pause', { kind: 'pause-origin', origin: url, until: new Date(Date.now() + 60_000).toISOString() });
      await until(async () => {
        await tick({ source: { http: { url } }, key: 'ccy' });
        return (await report('failed')).kind;
      });
      expect(await report('failed')).toMatchObject({ class: 'rate_limited', requests: 0, retryAfterMs: expect.any(Number) });
    }));
  });

  it('goes back to the queue when the collector stops in the middle', async () => {
    await withServer(() => undefined, ({ url }) => withCollector(async ({ tick, report, stop, depth, sent }) => {
      await tick({ source: { http: { url } }, key: 'ccy' });
      await report('started');
      await stop();
      await until(async () => (await depth(queues.collect)) === 1);
      expect(sent).toHaveLength(1);
    }));
  });

  it('that cannot be read lies in collect.dead', async () => {
    await withCollector(async ({ broker, depth }) => {
      await broker.publish({ exchange: exchanges.work, routingKey: queues.collect, type: messageTypes.tick, messageId: 'bad', body: '{"v":1}' });
      await until(async () => (await depth('collect.dead')) === 1);
    });
  });
});

describe('settling', () => {
  it('says `done` only once every message is confirmed, and sends the report after the batches', async () => {
    await withServer((_request, response) => void response.setHeader('content-type', 'application/json').end(JSON.stringify(Array.from({ length: 3 }, (_value, ccy) => ({ ccy, pad: 'x'.repeat(400_000) })))), async ({ url }) => {
      const { runAttempt, snapshots, close } = await createTestRunAttempt();
      const delivery = { type: messageTypes.tick, body: Buffer.from(JSON.stringify(tickOf({ source: { http: { url } }, key: 'ccy' }))), signal: new AbortController().signal } as Delivery;
      const confirms: { readonly id: string; readonly confirm: (error?: Error) => void }[] = [];
      const handle = createHandleTick({
        runAttempt, newAttempt: () => 'A', startedAfterMs: 60_000, aborts: createAbortRegistry(), snapshots, memory: createMemoryBudget({ maxBytes: 64 * 1024 ** 2 }), log,
        broker: { publish: ({ messageId }) => new Promise((resolve, reject) => confirms.push({ id: messageId, confirm: (error) => (error ? reject(error) : resolve()) })) },
      });
      const ids = () => confirms.map(({ id }) => id);
      const outcome = handle(delivery);
      const settled: string[] = [];
      outcome.then(({ kind }) => settled.push(kind), (error: Error) => settled.push(error.message));
      await until(() => ids().length === 3, { see: ids });
      expect(ids()).toEqual(['batch:A:0', 'batch:A:1', 'report:A:complete:0']);
      for (const index of [2, 0]) {
        confirms[index]?.confirm();
        await new Promise(setImmediate);
        expect(settled).toEqual([]);
      }
      confirms[1]?.confirm();
      expect(await outcome).toEqual({ kind: 'done' });

      confirms.length = 0;
      const second = handle(delivery);
      second.catch(() => undefined);
      await until(() => ids().length === 3, { see: ids });
      for (const [index, { confirm }] of confirms.entries()) confirm(index === 1 ? new Error('not stored') : undefined);
      await expect(second).rejects.toThrow('not stored');
      await close();
    });
  });
});
