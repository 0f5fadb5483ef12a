import type { IncomingMessage, ServerResponse } from 'node:http';
import { jobDefinitionSchema } from '@gleaner/contracts';
import { putJob } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import { until } from './support/until.ts';
import { withGleaner } from './support/withGleaner.ts';
import { withServer } from './support/withServer.ts';

/** An upstream that answers only while it is told to, and counts who asks at once. */
function moodyUpstream() {
  const mood = { answers: false };
  let open = 0;
  const seen = { most: 0, requests: 0 };
  return {
    mood, seen,
    handler: (request: IncomingMessage, response: ServerResponse): void => {
      open += 1;
      seen.requests += 1;
      seen.most = Math.max(seen.most, open);
      response.once('close', () => { open -= 1; });
      if (mood.answers) response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
      else request.resume();
    },
  };
}

describe('overlap: cancel at an origin with one slot', () => {
  it('starts the new run as soon as the old one’s collector has let go, and where that collector has died, as soon as another has been told', () => withGleaner(async (gleaner) => {
    const { mood, seen, handler } = moodyUpstream();
    const { runs } = gleaner.database.collections;
    await withServer(handler, async ({ url }) => {
      const put = (id: string, schedule: object) => putJob({ database: gleaner.database, id, by: 'test', definition: jobDefinitionSchema.parse({ schedule, source: { http: { url: `${url}/x`, timeout: '10m' } }, key: 'id', limits: { concurrency: 1 } }) });
      const pair = async (id: string) => {
        const [first, second] = await runs.find({ job: id }).sort({ scheduledAt: 1 }).limit(2).toArray();
        return first && second ? { first, second } : undefined;
      };
      const untilStarted = (id: string) => until(async () => { const both = await pair(id); return both?.second.startedAt === undefined ? undefined : both; }, { timeout: 30_000, what: 'the second run having begun', see: () => pair(id) });

      await put('alive', { every: '4s', overlap: 'cancel' });
      const { first, second } = await untilStarted('alive');
      expect(first).toMatchObject({ state: 'cancelled', reason: 'overlap' });
      expect((second.startedAt?.getTime() ?? 0) - (first.endedAt?.getTime() ?? 0)).toBeLessThan(3_000);
      mood.answers = true;
      await until(async () => (await runs.countDocuments({ job: 'alive', state: 'succeeded' })) > 0, { timeout: 20_000 });
      await putJob({ database: gleaner.database, id: 'alive', by: 'test', definition: jobDefinitionSchema.parse({ source: { http: { url } }, key: 'id' }) });
      await until(async () => (await runs.countDocuments({ job: 'alive', state: { $in: ['due', 'queued', 'running', 'retrying'] } })) === 0);

      mood.answers = false;
      const before = seen.requests;
      await put('dead', { every: '4s', overlap: 'cancel' });
      await until(() => seen.requests > before, { timeout: 15_000, what: 'a request that is left hanging' });
      await gleaner.kill('collector');
      // Cancelled while nobody could hear it; the tick lies in the queue again, and the next collector knows nothing yet.
      await until(async () => (await pair('dead'))?.first.state === 'cancelled', { timeout: 15_000 });
      const startedAt = performance.now();
      await gleaner.start('collector');
      // Whichever fire it is by then: each cancels the one before it, also one that waits.
      await until(async () => (await runs.countDocuments({ job: 'dead', startedAt: { $exists: true } })) > 1, { timeout: 30_000, what: 'a later run having begun', see: () => runs.find({ job: 'dead' }).toArray() });
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      expect(seen.most).toBe(1);
    });
  }, { services: ['scheduler', 'storage', 'collector'] }), 120_000);
});
