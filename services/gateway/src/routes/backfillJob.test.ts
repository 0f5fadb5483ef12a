import { describe, expect, it } from '@jest/globals';
import { backfillAnswer } from '@gleaner/contracts/answers';
import { findJob, newRun, type JobDocument } from '@gleaner/database';
import { withGateway } from '../testing/withGateway.ts';

const job = { schedule: { every: '1h' }, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };

describe('POST /v1/jobs/{job}/backfill', () => {
  it('makes a run for each fire without a good one, once, however often and at once it is asked', async () => {
    await withGateway(async ({ call, database, broker }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      const found = (await findJob({ database, id: 'j' })) as JobDocument;
      const at = (hour: number): Date => new Date(Date.UTC(2026, 9, 1, hour));
      const now = database.clock.now();
      const states = ['succeeded', 'failed', 'unchanged', 'skipped', 'running'] as const;
      await database.collections.runs.insertMany(states.map((state, hour) => ({ ...newRun({ id: `j@${hour}`, job: found, trigger: 'schedule', scheduledAt: at(hour), now, maxAttempts: 5 }), state })));
      const body = { from: at(0).toISOString(), to: at(6).toISOString() };
      const dry = await call('POST', '/v1/jobs/j/backfill', { body: { ...body, dryRun: true } });
      expect([dry.status, backfillAnswer.parse(dry.json())]).toEqual([200, { dryRun: true, fires: 7, there: 3, made: 0, runs: [] }]);
      const answers = await Promise.all([1, 2, 3].map(async () => await call('POST', '/v1/jobs/j/backfill', { body })));
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
      const runs = answers.flatMap((answer) => backfillAnswer.parse(answer.json()).runs);
      expect(runs.map((run) => run.slice(0, run.indexOf('~')))).toEqual([1, 3, 5, 6].map((hour) => `j@${at(hour).toISOString()}`));
      expect(await database.collections.runs.findOne({ _id: runs[0] ?? '' })).toMatchObject({ trigger: 'backfill', state: 'due', scheduledAt: at(1) });
      expect((await call('GET', '/v1/runs?job=j&trigger=backfill')).json()['runs']).toHaveLength(4);
      // Of many only the first are told of.
      broker.announced.length = 0;
      const many = backfillAnswer.parse((await call('POST', '/v1/jobs/j/backfill', { body: { from: '2026-09-01T00:00:00Z', to: '2026-09-03T23:00:00Z' } })).json());
      expect(many.made).toBe(72);
      expect(broker.announced.map(({ body }) => body)).toMatchObject(many.runs.slice(0, 50).map((run) => ({ kind: 'run', run, state: 'due' })));
    });
  });

  it('refuses the future, a stretch backwards and one without end', async () => {
    await withGateway(async ({ call }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      for (const body of [{ from: '2026-01-01T00:00:00Z', to: '2999-01-01T00:00:00Z' }, { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, { from: '1980-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }, { from: 'x', to: 'y' }, {}])
        expect((await call('POST', '/v1/jobs/j/backfill', { body })).json()).toMatchObject({ status: 422, code: 'bad_request' });
      expect((await call('POST', '/v1/jobs/nobody/backfill', { body: { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' } })).status).toBe(404);
    });
  });
});
