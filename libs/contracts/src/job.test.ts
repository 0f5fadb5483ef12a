import { describe, expect, it } from '@jest/globals';
import { extractionHash, parseJob, stableHash } from './job.ts';
import { triggersOf } from './schedule.ts';

const least = { source: { http: { url: 'https://upstream.example/rates' } }, key: 'id' };
const faultsOf = (body: unknown, id = 'rates') => {
  const parsed = parseJob(id, body);
  return parsed.ok ? [] : parsed.faults.map(({ path, code }) => `${path}: ${code}`);
};

describe('parseJob', () => {
  it('fills every default, so that the stored job says all of it', () => {
    const parsed = parseJob('rates', least);
    expect(parsed).toMatchObject({
      ok: true,
      definition: {
        partial: false, maxDuration: 600_000,
        schedule: { timezone: 'UTC', jitter: 0, overlap: 'skip', misfire: 'latest', grace: 86_400_000, dst: { gap: 'shift', fold: 'first' } },
        source: { http: { method: 'GET', timeout: 30_000, maxBytes: 67_108_864, redirects: 5, retry: { attempts: 5 } } },
      },
    });
  });

  it('takes what it gave: reading its own answer changes nothing', () => {
    const first = parseJob('auctions', {
      id: 'auctions', title: 'Auction prices', schedule: { any: [{ every: '1h' }, { cron: '20,25 5 * * *' }, { at: '2026-12-01T07:00:00+02:00' }, { after: { job: 'version' } }], timezone: 'Europe/Kyiv', jitter: '30s', grace: '1d', expires: '50m' },
      source: { http: { url: 'https://upstream.example/item', query: { format: 'json', page: 1 }, timeout: '30s', maxBytes: '64MiB', paginate: { next: 'link' }, forEach: { list: ['a', 1] } } },
      key: ['ccy', 'base_ccy'], where: { Id: { $in: [1, 2] } }, fields: { value: { path: 'Value', type: 'number', decimalComma: true }, ratio: { expr: 'a / b' } },
      gate: { minItems: 1, maxRemoved: '50%' }, retention: { snapshots: 720, age: '90d' }, retainRaw: '7d', expectEvery: '2h',
      alerts: [{ on: ['changed'], webhook: { url: 'https://hooks.example/x' } }], limits: { concurrency: 2, perMinute: 30 },
    });
    if (!first.ok) throw new Error(JSON.stringify(first.faults));
    expect(first.definition.schedule.any?.[2]).toEqual({ at: '2026-12-01T05:00:00.000Z' });
    expect(parseJob('auctions', { ...first.definition, id: 'auctions', version: 3, paused: false, nextFire: 'x', links: {} })).toEqual(first);
  });

  it.each([
    ['not an object', [], [': not_an_object']],
    ['no source', { key: 'id' }, ['source: invalid_union']],
    ['unknown field', { ...least, colour: 'red' }, ['colour: unknown_field']],
    ['unknown field inside the source', { key: 'id', source: { http: { url: 'https://x.example', urll: 1 } } }, ['source.http.urll: unknown_field']],
    ['another id', { ...least, id: 'other' }, ['id: other_id']],
    ['no key for a list', { source: least.source }, ['key: missing_key']],
    ['items and item', { ...least, items: '$', item: 'x' }, ['item: items_and_item']],
    ['several triggers', { ...least, schedule: { every: '1h', cron: '* * * * *' } }, ['schedule.cron: several_triggers']],
    ['end before start', { ...least, schedule: { every: '1h', start: '2026-02-01T00:00:00Z', end: '2026-01-01T00:00:00Z' } }, ['schedule.end: end_before_start']],
    ['an interval under a second', { ...least, schedule: { every: 500 } }, ['schedule.every: too_short']],
    ['a duration nobody can read', { ...least, schedule: { every: 'soon' } }, ['schedule.every: bad_duration']],
    ['an unknown zone', { ...least, schedule: { every: '1h', timezone: 'Europe/Atlantis' } }, ['schedule.timezone: unknown_timezone']],
    ['two paginations', { ...least, source: { http: { url: 'https://x.example', paginate: { next: 'link', page: { param: 'p' } } } } }, ['source.http.paginate: one_pagination']],
    ['a file URL', { ...least, source: { http: { url: 'file:///etc/passwd' } } }, ['source.http.url: custom']],
    ['a name that would be lost', JSON.parse('{"source":{"http":{"url":"https://x.example","body":{"a":[{"__proto__":1}]}}},"key":"id","where":{"__proto__":1,"a":{"$not":{"__proto__":2}}},"fields":{"__proto__":"x"}}'),
      ['source.http.body.a.0.__proto__: bad_name', 'where.__proto__: bad_name', 'where.a.$not.__proto__: bad_name', 'fields.__proto__: bad_name']],
    ['names and texts that no database holds', { ...least, title: 'a\ud800', fields: { 'x\0y': 'a', '\udc00': 'b' }, where: { a: { $in: ['\ud800'] } } }, ['title: bad_text', 'fields.x\0y: bad_name', 'fields.\udc00: bad_name', 'where.a.$in.0: bad_text']],
    ['what is nested without end', { ...least, where: { a: JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown } }, [`where.a${'.0'.repeat(88)}: too_deep`]],
    ['a task that there is not', { source: { task: 'nothing' } }, ['source.task: invalid_value']],
    ['an unknown field, and no key', { source: least.source, colour: 'red' }, ['colour: unknown_field', 'key: missing_key']],
    ['an unknown field, and an end before the start', { ...least, colour: 'red', schedule: { every: '1h', start: '2026-02-01T00:00:00Z', end: '2026-01-01T00:00:00Z' } }, ['colour: unknown_field', 'schedule.end: end_before_start']],
    ['two triggers, one of them wrong', { ...least, schedule: { every: 5, cron: 'x' } }, ['schedule.every: too_short', 'schedule.cron: several_triggers']],
    ['an empty list to go through', { ...least, source: { http: { url: 'https://x.example', forEach: { list: [] } } } }, ['source.http.forEach.list: too_small']],
    ['a source that is none, and no key', { source: 7 }, ['source: invalid_union']],
    ['several faults at once', { ...least, schedule: { every: 500, jitter: 'x' }, colour: 1 }, ['schedule.every: too_short', 'schedule.jitter: bad_duration', 'colour: unknown_field']],
  ])('says all that is wrong with %s', (_name, body, faults) => {
    expect(faultsOf(body).sort()).toEqual([...faults].sort());
  });

  it('takes NUL in a text, and names that only look dangerous', () => {
    expect(faultsOf({ ...least, title: 'a\0b', where: { constructor: 1, toString: 'x' }, fields: { valueOf: 'x', a: '__proto__' } })).toEqual([]);
  });

  it('says what a name lacks', () => {
    expect(parseJob('rates', { ...least, fields: { '': 'a' } })).toMatchObject({ faults: [{ path: 'fields.', code: 'invalid_key', message: expect.stringMatching(/name: .*>=1/) }] });
  });

  it('names the tasks that there are', () => {
    expect(parseJob('rates', { source: { task: 'nothing' } })).toMatchObject({ faults: [{ message: 'expected one of the tasks integrate; saw "nothing"' }] });
  });

  it.each([
    ['a trigger of a list', { ...least, schedule: { any: [{ every: 5 }, { cron: '99 * * * *' }] } }, { schedule: { any: [{ every: 86_400_000 }, { cron: '99 * * * *' }] } }],
    ['the url', { ...least, source: { http: { url: 'ftp://x', query: { a: '{{ env.A }}' } } } }, { source: { http: { query: { a: '{{ env.A }}' } } } }],
    ['no url', { ...least, source: { http: { query: { a: '{{ env.A }}' } } } }, { source: { http: { query: { a: '{{ env.A }}' } } } }],
    ['the source', { ...least, source: 7, items: 'a..b' }, { items: 'a..b' }],
    ['no source', { items: 'a..b' }, { items: 'a..b' }],
    ['the format, which says how others are read', { ...least, format: 'htlm', items: 'tr:nth-child(2)', where: { a: 1 } }, { where: { a: 1 } }],
    ['forEach, which templates refer to', { ...least, source: { http: { url: 'https://x.example/{{ each }}', forEach: { liste: [] } } } }, { source: { http: { forEach: { list: ['x'] } } } }],
    ['an alert of a list', { ...least, alerts: [{ on: ['changed'], webhook: { url: 'https://x.example' } }, { on: [] }] }, { key: 'id' }],
  ])('keeps what can be read beside a fault in %s', (_name, body, expected) => {
    const parsed = parseJob('rates', body);
    expect(parsed).toMatchObject({ ok: false, readable: expected });
    if (!parsed.ok && 'format' in body) expect(parsed.readable?.items).toBeUndefined();
  });

  it('refuses an id that could not stand in a path', () => {
    expect(faultsOf(least, 'Rates of today')).toEqual(['id: bad_id']);
  });
});

describe('hashes', () => {
  it('do not see the order of properties, and see everything else', () => {
    expect(stableHash({ a: 1, b: { c: [1, 2], d: undefined } })).toBe(stableHash({ b: { c: [1, 2] }, a: 1 }));
    expect(stableHash({ a: [1, 2] })).not.toBe(stableHash({ a: [2, 1] }));
  });
  it('tell a changed extraction from a changed schedule', () => {
    const of = (extra: object) => {
      const parsed = parseJob('rates', { ...least, ...extra });
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
      return extractionHash(parsed.definition);
    };
    expect(of({ schedule: { every: '1h' } })).toBe(of({}));
    expect(of({ fields: { a: 'b' } })).not.toBe(of({}));
  });
});

describe('triggersOf', () => {
  it.each([
    [{}, []],
    [{ every: '10m' }, [{ every: 600_000 }]],
    [{ cron: '@hourly' }, [{ cron: '@hourly' }]],
    [{ any: [{ every: '1h' }, { after: { job: 'a', on: 'failed' } }] }, [{ every: 3_600_000 }, { after: { job: 'a', on: 'failed' } }]],
  ])('%j', (schedule, expected) => {
    const parsed = parseJob('rates', { ...least, schedule });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
    expect(triggersOf(parsed.definition.schedule)).toEqual(expected);
  });
});
