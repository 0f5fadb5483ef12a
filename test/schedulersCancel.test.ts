import type { ItemsAnswer, RunAnswer } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { until } from './support/until.ts';
import { withGleaner } from './support/withGleaner.ts';
import { withServer } from './support/withServer.ts';

describe('a cancel', () => {
  it('of a running run aborts its fetch and stores nothing, of a waiting one keeps it from ever asking, and the next run goes on', () => withGleaner(async ({ api, putJob, runIn, database }) => {
    const asked: string[] = [];
    const left: string[] = [];
    let answers = false;
    await withServer((request, response) => {
      asked.push(request.url ?? '');
      response.once('close', () => { if (!response.writableEnded) left.push(request.url ?? ''); });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('[{"id":1}'); // an item has come already
      if (answers) response.end(']');
    }, async ({ url }) => {
      await putJob('job', { source: { http: { url: `${url}/{{ params.n }}`, timeout: '10m' } }, key: 'id' });
      const ask = async (n: string): Promise<string> => (await api<RunAnswer>('POST', '/v1/jobs/job/runs', { params: { n } })).body.id;
      const running = await ask('running');
      await until(() => asked.includes('/running'));
      await runIn(running, ['running']);
      const waiting = await ask('waiting');
      await until(async () => (await database.collections.runs.findOne({ _id: waiting }))?.held === 'overlap');
      expect((await api('DELETE', `/v1/runs/${waiting}`)).status).toBe(204);
      expect(left).toEqual([]);
      expect((await api('DELETE', `/v1/runs/${running}`)).status).toBe(204);
      await until(() => left.includes('/running'), { what: 'the fetch being given up' });
      for (const run of [running, waiting]) expect((await runIn(run, ['cancelled'])).state).toBe('cancelled');

      answers = true;
      expect((await runIn(await ask('next'), ['succeeded', 'failed'])).state).toBe('succeeded');
      expect(asked).toEqual(['/running', '/next']);
      await until(async () => (await api<ItemsAnswer>('GET', '/v1/jobs/job/items')).body.items.length === 1); // pages show what a majority has, a moment after the run's state
      expect((await api<{ snapshots: { run: string }[] }>('GET', '/v1/jobs/job/snapshots')).body.snapshots).toHaveLength(1);
      expect(await database.collections.deadLetters.countDocuments()).toBe(0);
    });
  }), 90_000);
});
