import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { DiffAnswer, HistoryAnswer, ItemsAnswer, RunAnswer, SnapshotAnswer } from '@gleaner/contracts';
import { expect, it } from '@jest/globals';
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

type Data = Record<string, unknown>;
interface Version {
  readonly run: string;
  readonly observedAt: string;
  readonly expected: Data;
}

/** Everything of a list, page by page. */
async function pagesOf<T extends { readonly next?: string }>(gleaner: Gleaner, path: string): Promise<T[]> {
  const pages: T[] = [];
  for (let next: string | undefined = ''; next !== undefined;) {
    const { status, body }: { status: number; body: T } = await gleaner.api<T>('GET', `${path}&limit=10000${next === '' ? '' : `&after=${encodeURIComponent(next)}`}`);
    if (status !== 200) throw new Error(`expected ${path}; saw ${status} ${JSON.stringify(body)}`);
    pages.push(body);
    next = body.next;
  }
  return pages;
}

async function itemsAt(gleaner: Gleaner, job: string, query: string): Promise<Data> {
  return Object.fromEntries((await pagesOf<ItemsAnswer>(gleaner, `/v1/jobs/${job}/items?${query}`)).flatMap(({ items }) => items.map(({ key, data }) => [key, data])));
}

/** Throws at the first difference: jest's own comparison of 17,000 items takes longer than reading them. */
function expectSame(seen: Data, expected: Data, what: string): void {
  if (isDeepStrictEqual(seen, expected)) return;
  const key = [...Object.keys(expected), ...Object.keys(seen)].find((one) => !isDeepStrictEqual(seen[one], expected[one])) ?? '';
  throw new Error(`${what}: expected ${key} to be ${JSON.stringify(expected[key])}; saw ${JSON.stringify(seen[key])}`);
}

/** Runs these a few at a time. */
async function each<T>(all: readonly T[], act: (one: T, index: number) => Promise<void>): Promise<void> {
  const left = [...all.entries()];
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let next = left.shift(); next; next = left.shift()) await act(next[1], next[0]);
  }));
}

async function gather(gleaner: Gleaner, job: string, { job: definition, at, bodies, expected }: Recorded): Promise<Version[]> {
  let body = '';
  return await withServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body), async ({ url }) => {
    await gleaner.putJob(job, { source: { http: { url } }, ...definition });
    const runs: { run: string; expected: Data }[] = [];
    for (body of bodies(join(recorded, at))) {
      const { body: asked } = await gleaner.api<RunAnswer>('POST', `/v1/jobs/${job}/runs`, {});
      const { id } = await gleaner.runIn(asked.id, ['succeeded', 'unchanged', 'failed', 'quarantined']);
      runs.push({ run: id, expected: expected(body) });
    }
    const snapshots = (await pagesOf<{ snapshots: SnapshotAnswer[]; next?: string }>(gleaner, `/v1/jobs/${job}/snapshots?`)).flatMap((page) => page.snapshots).toReversed();
    expect(snapshots.map(({ run }) => run)).toEqual(runs.map(({ run }) => run));
    return runs.map((one, index) => ({ ...one, observedAt: snapshots[index]?.observedAt ?? '' }));
  });
}

/** At the moment of every version, half way to the next one, and by its run. */
async function expectMoments(gleaner: Gleaner, job: string, versions: readonly Version[]): Promise<void> {
  expectSame(await itemsAt(gleaner, job, ''), versions.at(-1)?.expected ?? {}, `${job}, latest`);
  await each(versions, async ({ run, observedAt, expected }, index) => {
    const next = versions[index + 1]?.observedAt;
    const between = new Date((Date.parse(observedAt) + (next === undefined ? Date.now() : Date.parse(next))) / 2).toISOString();
    for (const query of [`run=${encodeURIComponent(run)}`, `at=${observedAt}`, `at=${between}`]) expectSame(await itemsAt(gleaner, job, query), expected, `${job}, ${query}`);
  });
  const before = new Date(Date.parse(versions[0]?.observedAt ?? '') - 1).toISOString();
  expect((await gleaner.api<{ code: string }>('GET', `/v1/jobs/${job}/items?at=${before}`)).body.code).toBe('before_first');
}

async function expectDifference(gleaner: Gleaner, job: string, from: Version, to: Version): Promise<void> {
  const pages = await pagesOf<DiffAnswer>(gleaner, `/v1/jobs/${job}/diff?from=${from.observedAt}&to=${to.observedAt}`);
  const expected = (keep: (before: unknown, after: unknown) => unknown): Data => Object.fromEntries([...new Set([...Object.keys(from.expected), ...Object.keys(to.expected)])]
    .map((key) => [key, keep(from.expected[key], to.expected[key])] as const).filter(([, kept]) => kept !== undefined));
  const what = `${job}, ${from.run} to ${to.run}`;
  expectSame(Object.fromEntries(pages.flatMap(({ added }) => added.map(({ key, data }) => [key, data]))), expected((before, after) => (before === undefined ? after : undefined)), `${what}, added`);
  expectSame(Object.fromEntries(pages.flatMap(({ removed }) => removed.map(({ key, data }) => [key, data]))), expected((before, after) => (after === undefined ? before : undefined)), `${what}, removed`);
  expectSame(Object.fromEntries(pages.flatMap(({ changed }) => changed.map(({ key, before, after }) => [key, { before, after }]))),
    expected((before, after) => (before === undefined || after === undefined || isDeepStrictEqual(before, after) ? undefined : { before, after })), `${what}, changed`);
}

async function expectHistory(gleaner: Gleaner, job: string, versions: readonly Version[], key: string): Promise<void> {
  const pages = await pagesOf<HistoryAnswer>(gleaner, `/v1/jobs/${job}/history?key=${encodeURIComponent(key)}`);
  const changes = versions.map(({ observedAt, expected }) => ({ from: observedAt, data: expected[key] }))
    .filter(({ data }, index, all) => (index === 0 ? data !== undefined : !isDeepStrictEqual(data, all[index - 1]?.data)));
  // Compared as values, not as texts: the order of an item's fields is no part of what upstream said.
  expect(pages.flatMap((page) => page.versions).toReversed().map((version) => ({ from: version.from, data: 'data' in version ? version.data : undefined }))).toEqual(changes);
}

const there = series.filter(({ name, at }) => {
  if (existsSync(join(recorded, at))) return true;
  process.stderr.write(`SKIPPED: recorded data is missing: ${join(recorded, at)} (${name})\n`);
  return false;
});

// All side by side in one Gleaner: most of the time is waiting for one version to be stored before the next is asked for.
(there.length > 0 ? it : it.skip)('recorded series, replayed version by version, read at every moment as they were', () => withGleaner(async (gleaner) => {
  await Promise.all(there.map(async (one, index) => {
    const job = `series-${index}`;
    const versions = await gather(gleaner, job, one);
    const [first, last] = [versions[0], versions.at(-1)];
    if (!first || !last) throw new Error(`expected recorded answers in ${one.at}; there are none`);
    await expectMoments(gleaner, job, versions);
    await expectDifference(gleaner, job, first, last);
    await expectDifference(gleaner, job, last, first);
    await each(versions.slice(1), async (to, at) => expectDifference(gleaner, job, versions[at] as Version, to));
    const keys = [...new Set([...Object.keys(last.expected).slice(0, 3), ...Object.keys(first.expected).slice(-3)])];
    for (const key of keys) await expectHistory(gleaner, job, versions, key);
  }));
}), 300_000);
