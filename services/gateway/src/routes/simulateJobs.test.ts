import { describe, expect, it } from '@jest/globals';
import { simulateAnswer } from '@gleaner/contracts/answers';
import { withGateway } from '../testing/withGateway.ts';

const job = { schedule: { every: '1h' }, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };

describe('POST /v1/simulate', () => {
  it('says fires, overlaps and requests of the jobs in the body, and changes nothing', async () => {
    await withGateway(async ({ call, database }) => {
      const body = { jobs: [{ ...job, id: 'a' }, { ...job, id: 'b', schedule: { cron: '*/20 * * * *' } }], from: '2026-11-20T00:00:00Z', to: '2026-11-20T02:00:00Z', duration: '30m' };
      const answer = simulateAnswer.parse((await call('POST', '/v1/simulate', { body })).json());
      expect(answer.jobs).toEqual([expect.objectContaining({ job: 'a', fires: 2, skipped: 0 }), expect.objectContaining({ job: 'b', fires: 6, runs: 3, skipped: 3 })]);
      expect(answer.origins).toEqual([expect.objectContaining({ origin: 'https://upstream.example', requests: 5 })]);
      expect(await database.collections.jobs.countDocuments()).toBe(0);
    });
  });

  it('takes the jobs that there are, and refuses what is wrong with the place it is in', async () => {
    await withGateway(async ({ call }) => {
      await call('PUT', '/v1/jobs/present', { body: job });
      expect(simulateAnswer.parse((await call('POST', '/v1/simulate', { body: {} })).json()).jobs).toEqual([expect.objectContaining({ job: 'present', fires: 24 })]);
      const bad = await call('POST', '/v1/simulate', { body: { jobs: [{ ...job, id: 'a' }, { ...job, id: 'a', schedule: { cron: 'x' } }] } });
      expect([bad.status, bad.json().faults?.map(({ path }) => path)]).toEqual([422, ['jobs.1.schedule.cron', 'jobs.1.id']]);
      const after = (parent: string) => ({ ...job, schedule: { after: { job: parent } } });
      const more = await call('POST', '/v1/simulate', { body: { jobs: [{ ...job, id: 'a', items: 'a..b' }, { ...job, id: 'b', source: { http: { url: 'https://x.example/{{ env.A }}' } } }, { ...after('d'), id: 'c' }, { ...after('c'), id: 'd' }] } });
      expect(more.json().faults?.map(({ path, code }) => `${path}: ${code}`)).toEqual(['jobs.0.items: bad_path', 'jobs.1.source.http.url: bad_template', 'jobs.2.schedule: after_cycle', 'jobs.3.schedule: after_cycle']);
      expect((await call('POST', '/v1/simulate', { body: { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' } })).json().faults?.[0]?.path).toBe('to');
    });
  });
});
