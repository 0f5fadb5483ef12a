import { describe, expect, it } from '@jest/globals';
import { seriesAnswer } from '@gleaner/contracts/answers';
import { findJob, type JobDocument } from '@gleaner/database';
import { seedSnapshot } from '../testing/seedSnapshot.ts';
import { withGateway } from '../testing/withGateway.ts';

const job = { schedule: { every: '1h' }, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' };

describe('GET /v1/jobs/{job}/series', () => {
  it('gives a field of items over time, by changes or by steps, and the counts', async () => {
    await withGateway(async ({ call, database }) => {
      await call('PUT', '/v1/jobs/j', { body: job });
      const found = (await findJob({ database, id: 'j' })) as JobDocument;
      const at = (hour: number): string => new Date(Date.UTC(2026, 10, 20, hour)).toISOString();
      const land = async (hour: number, items: Record<string, unknown>) => void (await seedSnapshot({ database, job: found, observedAt: new Date(at(hour)), items }));
      await land(1, { a: { p: { x: 1 }, q: 1 } });
      await land(2, { a: { p: { x: 1 }, q: 2 }, b: { p: { x: 9 } } });
      await land(3, { a: { p: { x: 3 }, q: 2 } });
      await land(5, { b: { p: { x: 7 } } });
      const ask = async (query: string) => seriesAnswer.parse((await call('GET', `/v1/jobs/j/series?${query}`)).json()).series;
      expect(await ask(`field=p.x&key=a&key=b&from=${at(0)}&to=${at(6)}`)).toEqual([
        { key: 'a', points: [{ at: at(1), value: 1 }, { at: at(3), value: 3 }, { at: at(5), value: null }] },
        { key: 'b', points: [{ at: at(2), value: 9 }, { at: at(3), value: null }, { at: at(5), value: 7 }] },
      ]);
      expect(await ask(`field=p.x&key=a&from=${new Date(Date.UTC(2026, 10, 20, 2, 30)).toISOString()}&to=${at(4)}`)).toEqual([{ key: 'a', points: [{ at: '2026-11-20T02:30:00.000Z', value: 1 }, { at: at(3), value: 3 }] }]);
      expect(await ask(`field=p.x&key=a&from=${at(0)}&to=${at(6)}&step=2h`)).toEqual([{ key: 'a', points: [{ at: at(2), value: 1 }, { at: at(4), value: 3 }, { at: at(6), value: null }] }]);
      expect(await ask(`field=total&from=${at(0)}&to=${at(6)}`)).toEqual([{ points: [{ at: at(1), value: 1 }, { at: at(2), value: 2 }, { at: at(3), value: 1 }] }]);
      for (const query of ['', 'field=nothing', `field=total&from=${at(5)}&to=${at(1)}`, `field=total&from=1990-01-01T00:00:00Z&step=1s`, 'field=total&step=1ms'])
        expect((await call('GET', `/v1/jobs/j/series?${query}`)).json().code).toBe('bad_query');
    });
  });
});
