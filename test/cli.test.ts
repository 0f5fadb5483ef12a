import { describe, expect, it } from '@jest/globals';
import { exitCodes, runCli } from '@gleaner/client';
import { findJob, newRun, type JobDocument } from '@gleaner/database';
import { seedSnapshot } from '../services/gateway/src/testing/seedSnapshot.ts';
import { withGateway, type TestGateway } from '../services/gateway/src/testing/withGateway.ts';
import { until } from './support/until.ts';

interface Spoken {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
type Cli = TestGateway & { readonly gleaner: (...argv: string[]) => Promise<Spoken>; readonly files: Record<string, string>; readonly interrupt: AbortController; readonly spoken: () => string };

async function withCli(fn: (cli: Cli) => Promise<void>, options: Parameters<typeof withGateway>[1] = {}): Promise<void> {
  await withGateway(async (gateway) => {
    const files: Record<string, string> = {};
    const interrupt = new AbortController();
    let now = '';
    await fn({
      ...gateway, files, interrupt, spoken: () => now,
      gleaner: async (...argv) => {
        let [out, err] = ['', ''];
        const code = await runCli(argv, {
          variables: { GLEANER_URL: gateway.url, GLEANER_KEY: gateway.key }, now: () => gateway.database.clock.now(), signal: interrupt.signal,
          out: (text) => { out += text; now = out; }, err: (text) => void (err += text),
          readText: async (path) => files[path] ?? Promise.reject(new Error(`no ${path}`)),
          listFolder: async (path) => (path === 'jobs' ? Object.keys(files) : undefined),
        });
        return { code, out, err };
      },
    });
  }, options);
}

const auctions = 'id: auctions\nschedule: {every: 1h}\nsource:\n  http: {url: "https://upstream.example/items"}\nkey: Id\n';

describe('gleaner', () => {
  it('applies files, shows what they became, and what is wrong with them', async () => {
    await withCli(async ({ gleaner, files }) => {
      files['jobs/auctions.yaml'] = auctions;
      files['jobs/rates.json'] = '{"source": {"http": {"url": "https://upstream.example/rates"}}, "key": "ccy"}';
      const first = await gleaner('apply', '-f', 'jobs');
      expect(first).toEqual({ code: exitCodes.ok, err: '', out: 'JOB       RESULT   VERSION\nauctions  created  1\nrates     created  1\n' });
      files['jobs/auctions.yaml'] = `${auctions}title: Auctions\n`;
      expect(JSON.parse((await gleaner('--json', 'apply', '-f', 'jobs/auctions.yaml', 'jobs/rates.json')).out)).toEqual([{ job: 'auctions', result: 'changed', version: 2 }, { job: 'rates', result: 'unchanged', version: 1 }]);
      files['jobs/bad.yaml'] = 'id: bad\nsource: {http: {url: "https://x.example"}}\nschedule: {cron: "x", overlap: maybe}\nkey: k\n';
      const bad = await gleaner('apply', '-f', 'jobs');
      expect(bad.code).toBe(exitCodes.faults);
      expect(bad.err).toMatch(/^jobs\/bad.yaml: schedule\.overlap: /m);
      expect(bad.out).toContain('rates     unchanged  1');
      expect((await gleaner('apply', '-f', 'nowhere.yaml'))).toMatchObject({ code: exitCodes.usage, err: expect.stringContaining('nowhere.yaml') });
      const list = await gleaner('get');
      expect(list.out).toMatch(/^JOB +HEALTH +ITEMS/);
      expect(list.out).toMatch(/^auctions +new/m);
      const one = await gleaner('get', 'auctions');
      files['again.yaml'] = one.out;
      expect((await gleaner('apply', '-f', 'again.yaml')).out).toMatch(/auctions +unchanged/);
      expect((await gleaner('pause', 'auctions')).out).toBe('auctions paused\n');
      expect((await gleaner('resume', 'auctions')).out).toBe('auctions resumed\n');
      expect((await gleaner('delete', 'auctions')).out).toBe('auctions deleted\n');
      expect((await gleaner('get', 'auctions'))).toMatchObject({ code: exitCodes.notFound, err: expect.stringContaining('there is no job') });
    });
  });

  it('reads items of any moment, their history and differences', async () => {
    await withCli(async ({ gleaner, files, database }) => {
      files['a.yaml'] = auctions;
      await gleaner('apply', '-f', 'a.yaml');
      const job = (await findJob({ database, id: 'auctions' })) as JobDocument;
      const land = async (hour: number, items: Record<string, unknown>) => await seedSnapshot({ database, job, observedAt: new Date(Date.UTC(2026, 10, 20, hour)), items });
      await land(5, { a: { Price: 1 }, b: { Price: 2 } });
      await land(6, { a: { Price: 3 }, c: { Price: 4, Name: 'Axe' } });
      expect((await gleaner('items', 'auctions')).out).toBe('2 items, as of 2026-11-20 06:00:00Z\nKEY  SINCE                 DATA\na    2026-11-20 06:00:00Z  {"Price":3}\nc    2026-11-20 06:00:00Z  {"Price":4,"Name":"Axe"}\n');
      expect((await gleaner('--json', 'items', 'auctions', '--at', '2026-11-20T05:30:00Z', '--where', '{"Price":{"$gt":1}}')).out).toBe('{"key":"b","data":{"Price":2},"since":"2026-11-20T05:00:00.000Z"}\n');
      expect((await gleaner('items', 'auctions', '--csv', '--fields', 'Price', '--item', 'a')).out).toBe('key,since,Price\r\na,2026-11-20T06:00:00.000Z,3\r\n');
      expect((await gleaner('history', 'auctions', 'a')).out).toContain('2026-11-20 05:00:00Z  2026-11-20 06:00:00Z  {"Price":1}');
      expect((await gleaner('diff', 'auctions', '--from', '2026-11-20T05:00:00Z')).out).toContain('+1 ~1 -1\n');
      expect((await gleaner('snapshots', 'auctions')).out.split('\n')).toHaveLength(4);
      expect((await gleaner('items', 'auctions', '--at', '2020-01-01'))).toMatchObject({ code: exitCodes.notFound, err: expect.stringContaining('before_first') });
      expect((await gleaner('items', 'auctions', '--at', 'yesterday')).code).toBe(exitCodes.usage);
      expect((await gleaner('items', 'auctions', '--where', '{"$where":"x"}')).code).toBe(exitCodes.faults);
    });
  });

  it('pages through all items with --all', async () => {
    await withCli(async ({ gleaner, files, database }) => {
      files['a.yaml'] = auctions;
      await gleaner('apply', '-f', 'a.yaml');
      const job = (await findJob({ database, id: 'auctions' })) as JobDocument;
      await seedSnapshot({ database, job, observedAt: new Date(Date.UTC(2026, 10, 20)), items: Object.fromEntries(Array.from({ length: 2_500 }, (_, index) => [`k${index}`, { index }])) });
      const { out } = await gleaner('--json', 'items', 'auctions', '--all');
      expect(new Set(out.trim().split('\n').map((line) => (JSON.parse(line) as { key: string }).key)).size).toBe(2_500);
      const csv = await gleaner('items', 'auctions', '--all', '--csv');
      expect(csv.out.trim().split('\r\n')).toHaveLength(2_501);
      expect((await gleaner('--json', 'items', 'auctions', '--limit', '7')).out.trim().split('\n')).toHaveLength(7);
    });
  });

  it('runs jobs, waits for them, and tells by the exit code how they ended', async () => {
    await withCli(async ({ gleaner, files, database }) => {
      files['a.yaml'] = auctions;
      await gleaner('apply', '-f', 'a.yaml');
      const end = async (state: 'succeeded' | 'failed') => {
        const run = await until(async () => await database.collections.runs.findOne({ state: 'due' }));
        await database.collections.runs.updateOne({ _id: run._id }, { $set: { state, ...(state === 'failed' ? { error: { class: 'http_4xx', message: 'answered 404' }, letter: 'l1' } : {}) } });
      };
      const [good] = await Promise.all([gleaner('run', 'auctions', '--wait'), end('succeeded')]);
      expect(good).toMatchObject({ code: exitCodes.ok, out: expect.stringMatching(/^auctions@\w+ succeeded\n$/) });
      const [bad] = await Promise.all([gleaner('run', 'auctions', '--wait', '--params', '{"day":1}'), end('failed')]);
      expect(bad).toMatchObject({ code: exitCodes.runFailed, out: expect.stringContaining('failed: http_4xx: answered 404') });
      const late = await gleaner('run', 'auctions', '--wait', '--timeout', '300ms');
      expect(late.code).toBe(exitCodes.runFailed);
      const run = (await database.collections.runs.findOne({ state: 'due' }))?._id ?? '';
      expect((await gleaner('cancel', run)).out).toBe(`${run} cancelled\n`);
      const failed = (await database.collections.runs.findOne({ state: 'failed' }))?._id ?? '';
      expect((await gleaner('cancel', failed)).code).toBe(exitCodes.conflict);
      expect((await gleaner('retry', failed)).out).toContain(`${failed} due`);
      expect((await gleaner('runs', 'auctions')).out).toMatch(/^auctions@\w+ +cancelled +cancelled/m);
      expect((await gleaner('run', 'auctions', '--params', '[]')).code).toBe(exitCodes.usage);
    });
  });

  it('lists, shows, replays and discards letters', async () => {
    await withCli(async ({ gleaner, database }) => {
      const now = new Date(Date.UTC(2026, 10, 20));
      await database.collections.deadLetters.insertMany(['l1', 'l2', 'l3'].map((_id) => ({ _id, queue: 'store', class: 'unreadable', reason: 'no JSON', attempts: 1, firstAt: now, deadAt: now, replays: 0, state: 'parked' as const, headers: {}, payload: '{"a":1}' })));
      expect((await gleaner('dlq', 'list')).out).toMatch(/^l1 +2026-11-20 00:00:00Z +parked +store +unreadable +no JSON$/m);
      expect((await gleaner('dlq', 'show', 'l1')).out).toContain('payload:\n  a: 1\n');
      expect((await gleaner('dlq', 'replay', '--class', 'unreadable', '--dry-run')).out).toBe('3 letters would be marked for replay\nl1\nl2\nl3\n');
      expect((await gleaner('dlq', 'replay', 'l1')).out).toBe('1 of 1 letters marked for replay\n');
      expect((await gleaner('dlq', 'discard', '--all')).out).toBe('2 of 2 letters discarded\n');
      expect((await gleaner('dlq', 'replay')).code).toBe(exitCodes.usage);
      expect((await gleaner('dlq', 'replay', 'l1', '--all')).code).toBe(exitCodes.usage);
    });
  });

  it('simulates, backfills, tries and lists fires', async () => {
    const request = async () => ({ ok: false, request: { status: 404, bytes: 3, durationMs: 5 }, counts: { received: 0, kept: 0, duplicates: 0 }, sample: [], faults: [{ path: '', code: 'http_4xx', message: 'answered 404' }], requests: 1, answer: { body: '<h1>' } });
    await withCli(async ({ gleaner, files }) => {
      files['jobs/a.yaml'] = auctions;
      await gleaner('apply', '-f', 'jobs');
      const simulated = await gleaner('simulate', '-f', 'jobs', '--from', '2026-11-20', '--to', '2026-11-21');
      expect(simulated.out).toMatch(/^auctions +24 +24 +0 +0 +1$/m);
      expect((await gleaner('fires', 'auctions', '--count', '2', '--from', '2026-11-20')).out).toBe('FIRE                  NOTE\n2026-11-20 01:00:00Z\n2026-11-20 02:00:00Z\n');
      expect((await gleaner('backfill', 'auctions', '--from', '2026-11-01T00:00:00Z', '--to', '2026-11-01T05:00:00Z', '--dry-run')).out).toBe('6 fires, 6 without a good run\n');
      expect((await gleaner('backfill', 'auctions', '--from', '2026-11-01T00:00:00Z', '--to', '2026-11-01T05:00:00Z')).out).toBe('6 fires, 6 runs made\n');
      const tried = await gleaner('try', '-f', 'jobs/a.yaml');
      expect([tried.code, tried.out]).toEqual([exitCodes.runFailed, expect.stringMatching(/^FAILED: 1 request, status 404[^]*http_4xx: answered 404[^]*<h1>/)]);
    }, { broker: { request } });
  });

  it('shows what a try asked, found, kept and mapped, with each fault; a job with faults is not tried', async () => {
    const asked: unknown[] = [];
    const request = async (question: unknown): Promise<unknown> => {
      asked.push(question);
      return {
        ok: true, request: { status: 200, bytes: 84, durationMs: 5 }, counts: { received: 4, kept: 2, duplicates: 1 }, requests: 1, sample: [{ key: '1', data: { price: 7 } }, { key: '2', data: { price: 'N/A', change: -0 } }],
        faults: [{ path: '', code: 'warning', message: '1 values of field price: number are none' }], answer: { status: 200, headers: { 'content-type': 'application/json' }, body: '[{"Id":1,\n"P":7}]' },
      };
    };
    await withCli(async ({ gleaner, files }) => {
      files['a.yaml'] = auctions;
      const tried = await gleaner('try', '-f', 'a.yaml', '--sample', '2', '--params', '{"day": "x"}');
      expect(tried).toEqual({ code: exitCodes.ok, err: '', out: expect.stringMatching(/^ok: 1 request, status 200, 84 bytes, 5 ms; 4 found, 2 kept, 1 with the key of another\n  warning: 1 values of field price[^]*KEY +DATA\n1 +{"price":7}\n2 +{"price":"N\/A","change":-0}\n[^]*application\/json\) began with:\n  \[{"Id":1,\n  "P":7}\]\n$/) });
      expect(asked).toMatchObject([{ body: { sample: 2, inputs: { params: { day: 'x' } }, extraction: { key: 'Id' } } }]);
      files['bad.yaml'] = `${auctions}items: a..b\nfields: {x: {expr: "("}}\nwhere: {Price: {$near: 1}}\n`;
      const bad = await gleaner('try', '-f', 'bad.yaml');
      expect(bad.code).toBe(exitCodes.faults);
      for (const line of [/items: expected names/, /fields\.x\.expr: expected a JSONata expression/, /where\.Price\.\$near: expected one of \$eq/]) expect(bad.err).toMatch(line);
      expect(asked).toHaveLength(1);
    }, { broker: { request } });
  });

  it('follows live events until it is interrupted', async () => {
    await withCli(async ({ gleaner, event, interrupt, spoken, files, database }) => {
      files['a.yaml'] = auctions;
      await gleaner('apply', '-f', 'a.yaml');
      const job = (await findJob({ database, id: 'auctions' })) as JobDocument;
      const at = new Date(Date.UTC(2026, 10, 20));
      await database.collections.runs.insertOne(newRun({ id: 'auctions@1', job, trigger: 'manual', scheduledAt: at, now: at, maxAttempts: 5 }));
      const following = gleaner('logs', 'auctions', '-f');
      await until(() => {
        event({ kind: 'run', run: 'auctions@1', job: 'auctions', state: 'queued', rev: 2, at: at.toISOString() });
        return spoken().includes('auctions@1 queued');
      });
      interrupt.abort();
      const { code, out } = await following;
      expect([code, out.split('\n')[0]]).toEqual([exitCodes.ok, '2026-11-20 00:00:00Z  auctions@1 due']);
    });
  });

  it('says what is wrong with keys, addresses and arguments', async () => {
    await withCli(async ({ gleaner, url }) => {
      expect(await gleaner('--key', 'wrong', 'get')).toMatchObject({ code: exitCodes.denied, err: expect.stringContaining('GLEANER_KEY') });
      expect(await gleaner('--url', `${url}/elsewhere`, 'get')).toMatchObject({ code: exitCodes.notFound });
      expect(await gleaner('--url', 'http://127.0.0.1:9', 'get')).toMatchObject({ code: exitCodes.unavailable });
      expect((await gleaner('frobnicate')).code).toBe(exitCodes.usage);
      expect((await gleaner('run')).code).toBe(exitCodes.usage);
      expect(await gleaner('--help')).toMatchObject({ code: exitCodes.ok, out: expect.stringContaining('Exit codes') });
    });
  });
});
