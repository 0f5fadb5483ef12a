import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { DiffAnswer, HistoryAnswer, ItemsAnswer, RunAnswer, SnapshotAnswer } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { withGleaner, type Gleaner } from './support/withGleaner.ts';
import { withServer } from './support/withServer.ts';

const recorded = join(import.meta.dirname, '../../shared/data');

interface Recorded {
  readonly name: string;
  /** Folder of the recorded answers, or the one file that lists them. */
  readonly at: string;
  readonly job: object;
  readonly bodies: (at: string) => string[];
  /** What must be readable after such an answer: a few lines that share nothing with Gleaner. */
  readonly expected: (body: string) => Record<string, unknown>;
}

const files = (at: string): string[] => readdirSync(at).filter((file) => /^\d{3}.*\.json$/.test(file) && !file.includes('manifest.json')).toSorted().map((file) => readFileSync(join(at, file), 'utf8'));

const series: readonly Recorded[] = [
  {
    name: 'fire incidents, filtered to eight fields', at: 'series/calfire_incidents_2021-07', bodies: files,
    job: {
      items: 'Incidents', key: 'UniqueId', where: { AcresBurned: { $gte: 50 }, IsActive: true },
      fields: { name: 'Name', acres: 'AcresBurned', contained: 'PercentContained', said: 'ConditionStatement', counties: 'Counties', crews: 'CrewsInvolved', updated: 'Updated', admin: 'AdminUnit' },
    },
    expected: (body) => Object.fromEntries((JSON.parse(body) as { Incidents: Record<string, unknown>[] }).Incidents
      .filter((one) => (one['AcresBurned'] as number) >= 50 && one['IsActive'] === true)
      .map((one) => [one['UniqueId'], present({ name: one['Name'], acres: one['AcresBurned'], contained: one['PercentContained'], said: one['ConditionStatement'], counties: one['Counties'], crews: one['CrewsInvolved'], updated: one['Updated'], admin: one['AdminUnit'] })])),
  },
  {
    name: 'hourly exchange rates, keyed by code', at: 'currency/usd_quotes_hourly_series', bodies: files, job: { items: 'quotes' },
    expected: (body) => Object.fromEntries(Object.entries((JSON.parse(body) as { quotes: Record<string, number> }).quotes).map(([code, value]) => [code, { value }])),
  },
  {
    name: 'auctions of a realm, whole lists', at: 'wow/wowuction_draenor_series', bodies: files, job: { items: '$', key: 'Id', fields: { name: 'Name', marketValue: 'MarketValue', minBuyout: 'MinBuyout', quantity: 'Quantity' } },
    expected: (body) => Object.fromEntries((JSON.parse(body) as Record<string, unknown>[]).map((one) => [String(one['Id']), present({ name: one['Name'], marketValue: one['MarketValue'], minBuyout: one['MinBuyout'], quantity: one['Quantity'] })])),
  },
  {
    name: 'releases of a game manifest, one object', at: 'destiny2_manifest/version_history.json', job: { item: 'Response', fields: { version: 'version' } },
    bodies: (at) => (JSON.parse(readFileSync(at, 'utf8')) as { body: string }[]).map(({ body }) => `{"Response":{"version":${body}}}`),
    expected: (body) => ({ item: (JSON.parse(body) as { Response: unknown }).Response }),
  },
];

/** A field that upstream has not is no field of the item. */
const present = (data: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));

async function itemsAt(gleaner: Gleaner, query: string): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (let next: string | undefined = ''; next !== undefined;) {
    const { status, body }: { status: number; body: ItemsAnswer } = await gleaner.api<ItemsAnswer>('GET', `/v1/jobs/series/items?limit=10000${query}${next === '' ? '' : `&after=${encodeURIComponent(next)}`}`);
    if (status !== 200) throw new Error(`expected items of ${query}; saw ${status} ${JSON.stringify(body)}`);
    for (const { key, data } of body.items) all[key] = data;
    next = body.next;
  }
  return all;
}

describe('a recorded series, replayed version by version', () => {
  for (const { name, at, job, bodies, expected } of series) {
    const path = join(recorded, at);
    if (!existsSync(path)) {
      process.stderr.write(`SKIPPED: recorded data is missing: ${path} (${name})\n`);
      it.skip(`${name} (recorded data is missing)`, () => undefined);
      continue;
    }
    it(`reads at every moment as it was: ${name}`, () => withGleaner(async (gleaner) => {
      let body = '';
      await withServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body), async ({ url }) => {
        await gleaner.putJob('series', { source: { http: { url } }, ...job });
        const versions: { run: string; observedAt: string; expected: Record<string, unknown> }[] = [];
        for (body of bodies(path)) {
          const { body: asked } = await gleaner.api<RunAnswer>('POST', '/v1/jobs/series/runs', {});
          const { id } = await gleaner.runIn(asked.id, ['succeeded', 'unchanged', 'failed', 'quarantined']);
          const { body: snapshots } = await gleaner.api<{ snapshots: SnapshotAnswer[] }>('GET', '/v1/jobs/series/snapshots?limit=1');
          expect(snapshots.snapshots[0]?.run).toBe(id);
          versions.push({ run: id, observedAt: snapshots.snapshots[0]?.observedAt ?? '', expected: expected(body) });
        }
        expect(await itemsAt(gleaner, '')).toEqual(versions.at(-1)?.expected);
        for (const [index, version] of versions.entries()) {
          expect(await itemsAt(gleaner, `&run=${encodeURIComponent(version.run)}`)).toEqual(version.expected);
          if (index % 7 === 0) expect(await itemsAt(gleaner, `&at=${version.observedAt}`)).toEqual(version.expected);
        }
        const [first, last] = [versions[0], versions.at(-1)];
        if (!first || !last) throw new Error(`expected recorded answers in ${path}; there are none`);
        const { body: diff } = await gleaner.api<DiffAnswer>('GET', `/v1/jobs/series/diff?from=${first.observedAt}&to=${last.observedAt}&limit=10000`);
        const keys = (list: readonly { key: string }[]) => list.map(({ key }) => key).toSorted();
        expect(keys(diff.added)).toEqual(Object.keys(last.expected).filter((key) => !(key in first.expected)).toSorted().slice(0, diff.added.length));
        if (diff.next === undefined) {
          expect(keys(diff.removed)).toEqual(Object.keys(first.expected).filter((key) => !(key in last.expected)).toSorted());
          expect(keys(diff.changed)).toEqual(Object.keys(last.expected).filter((key) => key in first.expected && !isDeepStrictEqual(first.expected[key], last.expected[key])).toSorted());
        }
        const [key = ''] = Object.keys(last.expected);
        const { body: history } = await gleaner.api<HistoryAnswer>('GET', `/v1/jobs/series/history?key=${encodeURIComponent(key)}&limit=1000`);
        // Compared as values, not as texts: the order of an item's fields is no part of what upstream said.
        const states = versions.map((version) => version.expected[key]);
        const changes = states.filter((state, index) => index === 0 ? state !== undefined : !isDeepStrictEqual(state, states[index - 1]));
        expect(history.versions.map((version) => ('data' in version ? version.data : undefined)).toReversed()).toEqual(changes);
      });
    }), 300_000);
  }
});
