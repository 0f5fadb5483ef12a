import { describe, expect, it } from '@jest/globals';
import { diffAnswer, historyAnswer, itemsAnswer, snapshotsAnswer } from '@gleaner/contracts/answers';
import { Decimal128, findJob, historyCollectionsOf, Long, type HistoryCollections, type JobDocument } from '@gleaner/database';
import { seedSnapshot } from '../testing/seedSnapshot.ts';
import { withGateway, type TestGateway } from '../testing/withGateway.ts';

const definition = { schedule: {}, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };
const day = (hour: number): Date => new Date(Date.UTC(2026, 10, 20, hour));

async function withItems(fn: (gateway: TestGateway & { job: JobDocument; land: (hour: number, items: Record<string, unknown>, run?: string) => Promise<string> }) => Promise<void>): Promise<void> {
  await withGateway(async (gateway) => {
    await gateway.call('PUT', '/v1/jobs/auctions', { body: definition });
    const job = (await findJob({ database: gateway.database, id: 'auctions' })) as JobDocument;
    await fn({ ...gateway, job, land: async (hour, items, run) => await seedSnapshot({ database: gateway.database, job, observedAt: day(hour), items, ...(run === undefined ? {} : { run }) }) });
  });
}

const path = '/v1/jobs/auctions/items';
const three = { 'é/1': { Price: 3 }, a: { Price: 1, Name: 'Axe' }, b: { Price: 2, Name: 'Bow', tags: ['x', 'y'] } };

describe('GET /v1/jobs/{job}/items', () => {
  it('answers a job without a snapshot with no items, and one that is not there with 404', async () => {
    await withItems(async ({ call }) => {
      const empty = itemsAnswer.parse((await call('GET', path)).json());
      expect([empty.items, empty.total, empty.snapshot]).toEqual([[], 0, undefined]);
      expect((await call('GET', '/v1/jobs/nobody/items')).json()).toMatchObject({ status: 404, code: 'not_found' });
      expect((await call('GET', '/v1/jobs/NOT%20AN%20ID/items')).status).toBe(404);
    });
  });

  it('gives the latest, any moment, and a run\'s, with since', async () => {
    await withItems(async ({ call, land }) => {
      const first = await land(5, three);
      const second = await land(7, { ...three, a: { Price: 9, Name: 'Axe' } });
      const latest = await call('GET', path);
      expect(itemsAnswer.parse(latest.json())).toEqual({
        items: [
          { key: 'a', data: { Price: 9, Name: 'Axe' }, since: '2026-11-20T07:00:00.000Z' },
          { key: 'b', data: { Price: 2, Name: 'Bow', tags: ['x', 'y'] }, since: '2026-11-20T05:00:00.000Z' },
          { key: 'é/1', data: { Price: 3 }, since: '2026-11-20T05:00:00.000Z' },
        ],
        at: '2026-11-20T07:00:00.000Z', snapshot: second, total: 3,
      });
      const past = itemsAnswer.parse((await call('GET', `${path}?at=2026-11-20T06:00:00Z`)).json());
      expect([past.at, past.snapshot, past.items[0]]).toEqual(['2026-11-20T06:00:00.000Z', first, { key: 'a', data: { Price: 1, Name: 'Axe' }, since: '2026-11-20T05:00:00.000Z' }]);
      expect(itemsAnswer.parse((await call('GET', `${path}?at=2026-11-20T05:00:00Z`)).json()).snapshot).toBe(first);
      expect(itemsAnswer.parse((await call('GET', `${path}?at=2026-11-20T06:00:00%2B01:00`)).json()).at).toBe('2026-11-20T05:00:00.000Z');
      expect(itemsAnswer.parse((await call('GET', `${path}?run=${first}`)).json())).toMatchObject({ snapshot: first, at: '2026-11-20T05:00:00.000Z' });
      expect(itemsAnswer.parse((await call('GET', `${path}?at=2999-01-01T00:00:00Z`)).json())).toMatchObject({ snapshot: second, at: '2026-11-20T07:00:00.000Z' });
      expect((await call('GET', `${path}?at=2026-11-20T04:59:59.999Z`)).json()).toMatchObject({ status: 404, code: 'before_first', first: '2026-11-20T05:00:00.000Z' });
      expect((await call('GET', `${path}?run=auctions@nothing`)).json()).toMatchObject({ status: 404, code: 'not_found' });
    });
  });

  it('keeps a paging reader on one moment while new snapshots land', async () => {
    await withItems(async ({ call, land }) => {
      const items = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`k${String(index).padStart(2, '0')}`, { n: index }]));
      const first = await land(5, items);
      const seen: string[] = [];
      let next: string | undefined = `${path}?limit=10`;
      let hour = 6;
      while (next !== undefined) {
        const answer = await call('GET', next);
        const page = itemsAnswer.parse(answer.json());
        expect([page.snapshot, page.at, page.total]).toEqual([first, '2026-11-20T05:00:00.000Z', 25]);
        seen.push(...page.items.map(({ key, data }) => `${key}=${(data as { n: number }).n}`));
        next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
        await land(hour, Object.fromEntries(Object.keys(items).slice(3).map((key) => [key, { n: -hour }])));
        hour += 1;
      }
      expect(seen).toEqual(Object.entries(items).map(([key, { n }]) => `${key}=${n}`));
    });
  });

  it('stops a paging reader whose ground was rewritten or swept', async () => {
    await withItems(async ({ call, land, database, job }) => {
      await land(5, three);
      const { next } = itemsAnswer.parse((await call('GET', `${path}?limit=1`)).json());
      const history = historyCollectionsOf(database.db);
      const row = await history.snapshots.findOne({ dataset: job.dataset });
      // A late snapshot, as storage would mark it: applied after the cursor was made, at a position before it.
      await history.snapshots.insertOne({ ...(row as NonNullable<typeof row>), _id: `${job.dataset}.late`, run: 'late', position: '2026-11-20T04:00:00.000Z|late', appliedRev: 50 });
      await history.heads.updateOne({ _id: job.dataset }, { $set: { rev: 50 } });
      expect((await call('GET', `${path}?limit=1&after=${next ?? ''}`)).json()).toMatchObject({ status: 409, code: 'history_changed' });
      await land(8, three);
      await history.heads.updateOne({ _id: job.dataset }, { $set: { horizon: '2026-11-20T07:00:00.000Z|' } });
      expect((await call('GET', `${path}?limit=1&after=${next ?? ''}`)).json()).toMatchObject({ status: 410, code: 'swept' });
      expect((await call('GET', `${path}?at=2026-11-20T06:00:00Z`)).json()).toMatchObject({ status: 410, code: 'swept', horizon: '2026-11-20T07:00:00.000Z' });
    });
  });

  it('gives items of keys, whatever is in them, in both forms', async () => {
    await withItems(async ({ call, land }) => {
      await land(5, three);
      const keysOf = async (query: string) => itemsAnswer.parse((await call('GET', query)).json()).items.map(({ key }) => key);
      expect(await keysOf(`${path}?key=${encodeURIComponent('é/1')}&key=a&key=nothing`)).toEqual(['a', 'é/1']);
      expect(await keysOf(`${path}/b`)).toEqual(['b']);
      expect(await keysOf(`${path}/${encodeURIComponent('é/1')}`)).toEqual(['é/1']);
      await land(6, { a: { Price: 5 } });
      expect(await keysOf(`${path}?key=b`)).toEqual([]);
      expect(await keysOf(`${path}?key=b&at=2026-11-20T05:30:00Z`)).toEqual(['b']);
      const others = (count: number): string => Array.from({ length: count }, (_, n) => `key=${'x'.repeat(60)}${n}`).join('&');
      expect(await keysOf(`${path}?key=b&${others(999)}&at=2026-11-20T05:30:00Z`)).toEqual(['b']);
      expect((await call('GET', `${path}?key=b&${others(1_000)}`)).json()).toMatchObject({ status: 400, code: 'bad_query', faults: [{ path: 'key' }] });
    });
  });

  it.each([['the latest state', ''], ['the past', '&at=2026-11-20T05:30:00Z']])('filters by where in %s, by the same judgement', async (_name, moment) => {
    await withItems(async ({ call, land }) => {
      const many = Object.fromEntries(Array.from({ length: 1_203 }, (_, index) => [`k${String(index).padStart(4, '0')}`, { n: index, even: index % 2 === 0 }]));
      await land(5, { ...three, ...many });
      await land(6, { ...three, ...many, ...(moment === '' ? {} : { a: { Price: 100 } }) });
      const ask = async (where: unknown, more = '') => {
        const page = itemsAnswer.parse((await call('GET', `${path}?where=${encodeURIComponent(JSON.stringify(where))}${moment}${more}`)).json());
        expect(page.total).toBeUndefined();
        return page;
      };
      expect((await ask({ Price: { $gte: 2 } })).items.map(({ key }) => key)).toEqual(['b', 'é/1']);
      expect((await ask({ $or: [{ Name: 'Axe' }, { tags: 'x' }] })).items.map(({ key }) => key)).toEqual(['a', 'b']);
      expect((await ask({ Name: { $regex: '^B' } })).items.map(({ key }) => key)).toEqual(['b']);
      expect((await ask({ Price: { $exists: true } }, '&key=a&key=k0001')).items.map(({ key }) => key)).toEqual(['a']);
      const seen: string[] = [];
      let after: string | undefined = '';
      while (after !== undefined) {
        const page: ReturnType<typeof itemsAnswer.parse> = await ask({ n: { $gte: 1_000 }, even: true }, `&limit=40${after === '' ? '' : `&after=${after}`}`);
        expect(page.items.length).toBeLessThanOrEqual(40);
        seen.push(...page.items.map(({ key }) => key));
        after = page.next;
      }
      expect(seen).toEqual(Object.entries(many).flatMap(([key, { n, even }]) => (n >= 1_000 && even ? [key] : [])));
    });
  });

  it('projects fields, latest and past alike', async () => {
    await withItems(async ({ call, land }) => {
      await land(5, { a: { n: 1, deep: { x: 1, y: 2 }, list: [{ x: 1, y: 2 }], 'dotted.name': 5 } });
      await land(6, { a: { n: 2, deep: { x: 1, y: 2 }, list: [{ x: 1, y: 2 }], 'dotted.name': 5 } });
      const dataOf = async (query: string) => itemsAnswer.parse((await call('GET', `${path}?${query}`)).json()).items[0]?.data;
      for (const moment of ['', '&at=2026-11-20T05:30:00Z']) {
        expect(await dataOf(`fields=deep.x,list.y,missing${moment}`)).toEqual({ deep: { x: 1 }, list: [{ y: 2 }] });
        expect(await dataOf(`fields=${encodeURIComponent('dotted\\.name')}${moment}`)).toEqual({ 'dotted.name': 5 });
      }
      const paged = itemsAnswer.parse((await call('GET', `${path}?fields=n&limit=1`)).json());
      expect(paged.next).toBeUndefined();
    });
  });

  it('are of the job as it is now, the moment it is deleted or made again', async () => {
    await withItems(async ({ call, land }) => {
      await land(5, three);
      expect((await call('GET', path)).json()['total']).toBe(3);
      await call('DELETE', '/v1/jobs/auctions');
      expect((await call('GET', path)).json()).toMatchObject({ status: 404, code: 'not_found' });
      expect((await call('GET', `${path}?at=2026-11-20T05:00:00Z`)).status).toBe(404);
      await call('PUT', '/v1/jobs/auctions', { body: definition });
      expect((await call('GET', path)).json()).toMatchObject({ items: [], total: 0 });
    });
  });

  it('writes numbers to the last digit', async () => {
    await withItems(async ({ call, land }) => {
      await land(5, { a: { long: Long.fromString('9007199254740993'), decimal: Decimal128.fromString('0.10'), minusZero: -0, at: new Date(0), text: '"\u2028\n' } });
      const { text } = await call('GET', path);
      expect(text).toContain('"long":9007199254740993,"decimal":0.10,"minusZero":-0,"at":"1970-01-01T00:00:00.000Z","text":"\\"\u2028\\n"');
    });
  });

  it('ends a page early where the items are large, and goes on there', async () => {
    await withItems(async ({ call, land }) => {
      const large = Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`k${String(index).padStart(2, '0')}`, { index, text: 'x'.repeat(1_500_000) }]));
      await land(5, large);
      await land(6, { ...large, z: 1 });
      for (const moment of ['', '&at=2026-11-20T05:00:00Z']) {
        const seen: string[] = [];
        let next: string | undefined = `${path}?limit=10000${moment}`;
        let pages = 0;
        while (next !== undefined) {
          const answer = await call('GET', next, { headers: { accept: 'application/x-ndjson' } });
          for (const line of answer.text.trim().split('\n')) seen.push((JSON.parse(line) as { key: string }).key);
          next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
          pages += 1;
        }
        expect(seen).toEqual([...Object.keys(large), ...(moment === '' ? ['z'] : [])]);
        expect(pages).toBeGreaterThan(1);
      }
    });
  });

  it('speaks ndjson and csv', async () => {
    await withItems(async ({ call, land }) => {
      await land(5, { a: { Name: 'Axe, "sharp"', n: 1.5, key: 'k' }, b: { Name: null, extra: [1, 2] } });
      const lines = await call('GET', `${path}?limit=1`, { headers: { accept: 'application/x-ndjson' } });
      expect(lines.headers.get('content-type')).toContain('application/x-ndjson');
      expect(lines.headers.get('link')).toContain('rel="next"');
      expect(lines.text).toBe('{"key":"a","data":{"Name":"Axe, \\"sharp\\"","n":1.5,"key":"k"},"since":"2026-11-20T05:00:00.000Z"}\n');
      const csv = await call('GET', path, { headers: { accept: 'text/csv' } });
      expect(csv.text).toBe('key,since,Name,n,data.key,extra\r\na,2026-11-20T05:00:00.000Z,"Axe, ""sharp""",1.5,k,\r\nb,2026-11-20T05:00:00.000Z,,,,"[1,2]"\r\n');
      expect((await call('GET', `${path}?fields=n`, { headers: { accept: 'text/csv' } })).text).toBe('key,since,n\r\na,2026-11-20T05:00:00.000Z,1.5\r\nb,2026-11-20T05:00:00.000Z,\r\n');
      expect((await call('GET', `${path}?fields=extra.1,extra.length`, { headers: { accept: 'text/csv' } })).text).toBe('key,since,extra.1,extra.length\r\na,2026-11-20T05:00:00.000Z,,\r\nb,2026-11-20T05:00:00.000Z,2,\r\n');
      expect((await call('GET', `${path}?fields=$&limit=1`)).json()).toMatchObject({ items: [{ data: { Name: 'Axe, "sharp"', n: 1.5 } }] });
      expect((await call('GET', path, { headers: { accept: 'image/png' } })).json()).toMatchObject({ status: 406, code: 'not_acceptable' });
    });
  });

  it('answers 304 until something changes, and compresses', async () => {
    await withItems(async ({ call, land, url, key }) => {
      await land(5, Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, { n: 'some text that repeats' }])));
      const etag = (await call('GET', path)).headers.get('etag') ?? '';
      const again = await call('GET', path, { headers: { 'if-none-match': etag } });
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
      expect((await call('GET', `${path}?limit=5`, { headers: { 'if-none-match': etag } })).status).toBe(200);
      expect((await call('GET', path, { headers: { 'if-none-match': etag, accept: 'text/csv' } })).status).toBe(200);
      await land(6, { a: 1 });
      expect((await call('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(200);
      for (const encoding of ['gzip', 'br']) {
        const response = await fetch(`${url}${path}?at=2026-11-20T05:00:00Z`, { headers: { authorization: `Bearer ${key}`, 'accept-encoding': encoding } });
        expect([response.headers.get('content-encoding'), response.headers.get('vary')]).toEqual([encoding, 'Accept, Accept-Encoding']);
        expect(itemsAnswer.parse(await response.json()).items).toHaveLength(100);
      }
    });
  });

  it('refuses queries that it does not understand with 400', async () => {
    const queries = [
      'limit=0', 'limit=10001', 'limit=x', 'limit=1&limit=2', 'at=yesterday', 'at=2026-11-20T05:00:00Z&run=x', 'surprise=1', 'after=nonsense', 'key=a&after=x', 'fields=',
      'where=x', 'where=[]', 'where={"$where":"1"}', 'where={"a":{"$function":1}}', 'where={"a":{"$gt":1,"b":2}}', 'where={"$expr":{}}', 'where={"a":{"$regex":"("}}', 'where={"a":9007199254740993}',
    ];
    await withItems(async ({ call, land }) => {
      // A pattern of JavaScript's that PCRE does not take: the server's own fault with the query.
      await land(5, three);
      await land(6, three);
      queries.push('where={"Name":{"$regex":"(?<=a+)b"}}', 'where={"Name":{"$regex":"(?<=a+)b"}}&at=2026-11-20T05:30:00Z', 'where={"Name":{"$regex":"(?<=a+)b"}}&key=a');
      for (const query of queries) {
        const answer = await call('GET', `${path}?${encodeURI(query).replaceAll('+', '%2B')}`);
        expect([query, answer.status, ['bad_query', 'bad_cursor'].includes(answer.json().code ?? '')]).toEqual([query, 400, true]);
      }
    });
  });
});

describe('history, snapshots and differences', () => {
  it('tell how one key changed, newest first, in pages, in both forms of the URL', async () => {
    await withItems(async ({ call, land }) => {
      await land(1, { a: 1, b: 1 });
      await land(2, { a: 2, b: 1 });
      await land(3, { b: 1 });
      await land(4, { a: { x: 4 }, b: 1 });
      const at = (hour: number): string => day(hour).toISOString();
      const whole = historyAnswer.parse((await call('GET', '/v1/jobs/auctions/history?key=a')).json());
      expect(whole).toEqual({ key: 'a', versions: [{ from: at(4), data: { x: 4 } }, { from: at(3), to: at(4), removed: true }, { from: at(2), to: at(3), data: 2 }, { from: at(1), to: at(2), data: 1 }] });
      expect((await call('GET', `${path}/a/history`)).json()).toEqual(whole);
      const versions: unknown[] = [];
      let after = '';
      do {
        const page = historyAnswer.parse((await call('GET', `${path}/a/history?limit=1${after}`)).json());
        versions.push(...page.versions);
        after = page.next === undefined ? '' : `&after=${page.next}`;
      } while (after !== '');
      expect(versions).toEqual(whole.versions);
      expect((await call('GET', '/v1/jobs/auctions/history?key=nobody')).json()).toEqual({ key: 'nobody', versions: [] });
      expect((await call('GET', '/v1/jobs/auctions/history')).status).toBe(400);
    });
  });

  it.each([
    ['a late snapshot', 409, 'history_changed', async ({ heads, snapshots }: HistoryCollections) => {
      const head = await heads.findOneAndUpdate({}, { $inc: { rev: 1 } }, { returnDocument: 'after' });
      await snapshots.updateOne({ run: 'first' }, { $set: { appliedRev: head?.rev ?? 0 } });
    }],
    // The row that came late is gone again: only the head knows of it.
    ['a late snapshot that was swept since', 409, 'history_changed', async ({ heads }: HistoryCollections) => {
      const head = await heads.findOneAndUpdate({}, { $inc: { rev: 2 } }, { returnDocument: 'after' });
      await heads.updateOne({}, { $set: { sweptRev: head?.rev ?? 0 } });
    }],
    ['a sweep', 410, 'swept', async ({ heads }: HistoryCollections) => { await heads.updateOne({}, [{ $set: { horizon: '$position', rev: { $add: ['$rev', 1] } } }]); }],
  ] as const)('say when %s has taken a cursor\'s ground', async (_, status, code, disturb) => {
    await withItems(async ({ call, land, database }) => {
      await land(1, { a: 1, b: 1 }, 'first');
      await land(2, { a: 2, b: 2, c: 1 });
      await land(3, { a: 3, b: 3 });
      const lists = [`/v1/jobs/auctions/history?key=a&limit=1`, `/v1/jobs/auctions/diff?from=${day(1).toISOString()}&to=${day(2).toISOString()}&limit=1`, `${path}?at=${day(2).toISOString()}&limit=1`];
      const next = async (list: string, page = list) => `${list}&after=${String((await call('GET', page)).json()['next'])}`;
      const pages = await Promise.all(lists.map((list) => next(list)));
      // The third page of the history: the second goes on at the newest snapshot, which no sweep takes.
      pages[0] = await next(lists[0] as string, pages[0]);
      for (const page of pages) expect((await call('GET', page)).status).toBe(200);
      await disturb(historyCollectionsOf(database.db));
      for (const page of pages) {
        const answer = await call('GET', page);
        expect([page.slice(0, 30), answer.status, answer.json().code]).toEqual([page.slice(0, 30), status, code]);
      }
    });
  });

  it('list snapshots, newest first', async () => {
    await withItems(async ({ call, land }) => {
      const runs = [await land(1, { a: 1 }), await land(2, { a: 2, b: 1 }), await land(3, { b: 1 })];
      const first = snapshotsAnswer.parse((await call('GET', '/v1/jobs/auctions/snapshots?limit=2')).json());
      expect(first.snapshots.map(({ id }) => id)).toEqual([runs[2], runs[1]]);
      expect(first.snapshots[1]).toMatchObject({ job: 'auctions', observedAt: day(2).toISOString(), counts: { added: 1, changed: 1, removed: 0, total: 2 }, request: { status: 200 } });
      const second = snapshotsAnswer.parse((await call('GET', `/v1/jobs/auctions/snapshots?limit=2&after=${first.next ?? ''}`)).json());
      expect([second.snapshots.map(({ id }) => id), second.next]).toEqual([[runs[0]], undefined]);
    });
  });

  it('compare two moments, in pages that stay where they are', async () => {
    await withItems(async ({ call, land }) => {
      const first = await land(1, { a: 1, b: 1, c: 1 });
      await land(2, { b: 2, c: 1, d: 1 });
      const whole = diffAnswer.parse((await call('GET', `/v1/jobs/auctions/diff?from=${day(1).toISOString()}&to=${day(2).toISOString()}`)).json());
      expect(whole).toEqual({ from: day(1).toISOString(), to: day(2).toISOString(), added: [{ key: 'd', data: 1 }], removed: [{ key: 'a', data: 1 }], changed: [{ key: 'b', before: 1, after: 2 }] });
      const page = diffAnswer.parse((await call('GET', `/v1/jobs/auctions/diff?from=${first}&limit=2`)).json());
      expect([page.removed, page.changed, page.added]).toEqual([whole.removed, whole.changed, []]);
      await land(3, { z: 1 });
      const rest = diffAnswer.parse((await call('GET', `/v1/jobs/auctions/diff?from=${first}&limit=2&after=${page.next ?? ''}`)).json());
      expect([rest.added, rest.removed, rest.changed, rest.next, rest.to]).toEqual([whole.added, [], [], undefined, day(2).toISOString()]);
      expect((await call('GET', `/v1/jobs/auctions/diff?from=${day(1).toISOString()}&limit=2&after=${page.next ?? ''}`)).json().code).toBe('bad_cursor');
      expect((await call('GET', '/v1/jobs/auctions/diff?from=2020-01-01T00:00:00Z')).json().code).toBe('before_first');
      expect((await call('GET', '/v1/jobs/auctions/diff')).status).toBe(400);
    });
  });
});
