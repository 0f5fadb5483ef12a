import type { RequestListener } from 'node:http';
import { jobDefinitionSchema } from '@gleaner/contracts';
import { putJob } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { until } from './support/until.ts';
import { withGleaner } from './support/withGleaner.ts';
import { withServer } from './support/withServer.ts';

/** What the upstream asks for when it is asked too much, s. */
const retryAfter = 4;

/** An upstream of three pages a feed, the second of them behind a redirect, that counts who asks, when, and how many at once, and refuses one request when it is told to. */
function countingUpstream() {
  const starts: number[] = [];
  const asked = new Set<string>();
  const refusal: { wanted: boolean; at?: number } = { wanted: false };
  let now = 0;
  let most = 0;
  const handler: RequestListener = (request, response) => {
    // The same page of the same fire again is a tick that was published twice, which may cost its own requests once more.
    if (!asked.has(request.url ?? '')) starts.push(performance.now());
    asked.add(request.url ?? '');
    now += 1;
    most = Math.max(most, now);
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const page = Number(query.get('page'));
    setTimeout(() => {
      now -= 1;
      if (page === 1 && refusal.wanted) {
        Object.assign(refusal, { wanted: false, at: performance.now() });
        asked.delete(request.url ?? '');
        response.writeHead(429, { 'retry-after': `${retryAfter}` }).end();
        return;
      }
      if (page === 2 && !query.has('moved')) {
        response.writeHead(302, { location: `${request.url}&moved=1` }).end();
        return;
      }
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(page > 3 ? [] : [{ id: `${page}` }]));
    }, 20);
  };
  return { handler, starts, refusal, mostAtOnce: () => most };
}

const mostWithin = (starts: readonly number[], ms: number): number => Math.max(0, ...starts.map((start) => starts.filter((other) => other >= start && other < start + ms).length));

describe('an origin with limits', () => {
  it('is never asked more by 50 jobs of paged sources and 3 collectors, nor when the leader changes, and not at all while it has asked for quiet', () => withGleaner(async (gleaner) => {
    const { database } = gleaner;
    const { handler, starts, refusal, mostAtOnce } = countingUpstream();
    await withServer(handler, async ({ url }) => {
      // 240 a minute in 4 slots: each slot asks every 1,009 ms at most. The job that says so comes first: a limit holds from when it is known.
      for (let index = 0; index < 50; index += 1) {
        const definition = jobDefinitionSchema.parse({
          schedule: { every: '1s' }, source: { http: { url: `${url}/feed/${index}`, query: { fire: '{{ fire.at }}' }, paginate: { page: { param: 'page', start: 1 }, maxPages: 10 } } }, key: 'id',
          ...(index === 0 ? { limits: { concurrency: 4, perMinute: 240 } } : {}),
        });
        await putJob({ database, id: `job-${index}`, definition, by: 'test' });
      }
      await until(() => starts.length >= 25, { timeout: 40_000, what: 'requests', see: async () => ({ starts: starts.length, runs: await database.collections.runs.find({}).limit(5).toArray() }) });
      await gleaner.kill('scheduler');
      await gleaner.start('scheduler', { SCHEDULER_LEASE: '1500ms' });
      const before = starts.length;
      await until(() => starts.length >= before + 30, { timeout: 40_000, what: 'requests under the next leader' });
      // One collector hears 429 in one job's run; all of them, and all jobs, leave the origin alone for as long as it asked.
      refusal.wanted = true;
      const refusedAt = await until(() => refusal.at, { timeout: 10_000, what: 'a request being refused' });
      await until(async () => await database.collections.origins.findOne({ pausedUntil: { $exists: true } }), { what: 'the leader having heard of it' });
      const quietFrom = performance.now() + 500; // a request that was on its way, and the word to the collectors
      const quietUntil = refusedAt + retryAfter * 1_000;
      expect(quietUntil - quietFrom).toBeGreaterThan(1_000);
      await until(() => starts.some((start) => start >= quietUntil), { timeout: 10_000, what: 'requests after the rest' });
      expect(starts.filter((start) => start > quietFrom && start < quietUntil)).toEqual([]);
      // A whole minute of it, because the limit speaks of minutes: shorter stretches could each keep it and drift.
      await until(() => performance.now() - (starts[0] ?? 0) > 62_000, { timeout: 62_000, interval: 100 });
      expect(mostAtOnce()).toBeLessThanOrEqual(4);
      for (const seconds of [1, 5, 10, 20, 60]) expect(mostWithin(starts, seconds * 1_000)).toBeLessThanOrEqual(4 * seconds);
      // And the limit was felt: nobody kept it by asking little.
      expect(mostWithin(starts, 60_000)).toBeGreaterThan(100);
      // Waiting is said on the run.
      expect(await database.collections.runs.countDocuments({ held: 'origin' })).toBeGreaterThan(0);
    });
  }, { services: ['scheduler', 'storage', 'collector', 'collector', 'collector'], env: { SCHEDULER_LEASE: '1500ms' } }), 150_000);
});
