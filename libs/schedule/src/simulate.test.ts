import { describe, expect, it } from '@jest/globals';
import { jobDefinitionSchema, type JobInput } from '@gleaner/contracts';
import { simulate } from './simulate.ts';

const job = (id: string, schedule: JobInput['schedule'], http: object = {}) => ({ id, definition: jobDefinitionSchema.parse({ schedule, source: { http: { url: `https://${id}.example/x`, ...http } }, key: 'id' }) });
const day = { from: new Date('2026-03-29T00:00:00Z'), until: new Date('2026-03-30T00:00:00Z') };

describe('simulate', () => {
  it('says each fire, and which of them meet', async () => {
    const { fires, jobs, origins, truncated } = await simulate([job('a', { every: '6h' })], { ...day, assumedDuration: 7 * 3_600_000 });
    expect(fires.map(({ at, outcome }) => [at.slice(11, 16), outcome])).toEqual([['00:00', 'runs'], ['06:00', 'skipped'], ['12:00', 'runs'], ['18:00', 'skipped']]);
    expect(jobs).toEqual([{ job: 'a', fires: 4, runs: 2, skipped: 2, overlaps: 2, mostAtOnce: 1 }]);
    expect(origins).toEqual([{ origin: 'https://a.example', requests: 2, mostPerMinute: 1, busiestMinute: '2026-03-29T00:00:00.000Z' }]);
    expect(truncated).toBe(false);
  });

  it.each([
    ['queue', [['00:00', 'runs', '00:00'], ['06:00', 'coalesced', undefined], ['12:00', 'runs', '14:00'], ['18:00', 'waits', undefined]]],
    ['allow', [['00:00', 'runs', '00:00'], ['06:00', 'runs', '06:00'], ['12:00', 'runs', '12:00'], ['18:00', 'runs', '18:00']]],
    ['cancel', [['00:00', 'runs', '00:00'], ['06:00', 'runs', '06:00'], ['12:00', 'runs', '12:00'], ['18:00', 'runs', '18:00']]],
  ] as const)('overlap %s', async (overlap, expected) => {
    const { fires } = await simulate([job('a', { every: '6h', overlap })], { ...day, assumedDuration: 14 * 3_600_000 });
    expect(fires.map(({ at, outcome, startsAt }) => [at.slice(11, 16), outcome, startsAt?.slice(11, 16)])).toEqual(expected);
    if (overlap === 'cancel') expect(fires.map(({ cancelledAt }) => cancelledAt?.slice(11, 16))).toEqual(['06:00', '12:00', '18:00', undefined]);
  });

  it('follows after, adds up an origin over its jobs, and marks clock changes', async () => {
    const shared = { url: 'https://one.example/x' };
    const { fires, origins } = await simulate([
      job('parent', { cron: '30 3 * * *', timezone: 'Europe/Kyiv' }, shared), job('child', { after: { job: 'parent', on: 'changed' } }, { ...shared, forEach: { list: ['a', 'b', 'c'] } }),
    ], { ...day, assumedDuration: 60_000 });
    expect(fires).toMatchObject([{ job: 'parent', at: '2026-03-29T01:30:00.000Z', note: 'gap' }, { job: 'child', at: '2026-03-29T01:31:00.000Z', trigger: 'after' }]);
    expect(origins).toMatchObject([{ origin: 'https://one.example', requests: 4, mostPerMinute: 3 }]);
  });

  it('stops at its limit and ends chains', async () => {
    expect(await simulate([job('a', { every: '1s' })], { ...day, assumedDuration: 0, limit: 100 })).toMatchObject({ truncated: true, fires: { length: 100 } });
    const { fires } = await simulate([job('a', { any: [{ at: '2026-03-29T00:00:00Z' }, { after: { job: 'b', on: 'changed' } }] }), job('b', { after: { job: 'a', on: 'changed' } })], { ...day, assumedDuration: 1_000 });
    expect(fires).toHaveLength(17);
  });

  it('triggers a child only between its start and its end', async () => {
    const { fires } = await simulate([
      job('parent', { every: '6h' }), job('child', { after: { job: 'parent', on: 'changed' }, start: '2026-03-29T06:00:00Z', end: '2026-03-29T12:01:00Z' }),
    ], { ...day, assumedDuration: 60_000 });
    expect(fires.flatMap(({ job: of, at }) => (of === 'child' ? [at.slice(11, 16)] : []))).toEqual(['06:01', '12:01']);
  });

  it('takes as long for each fire however many runs are under way, and pauses between them', async () => {
    let pauses = 0;
    const began = performance.now();
    const { fires, jobs } = await simulate([job('a', { every: '1s', overlap: 'allow' })], { ...day, assumedDuration: 86_400_000, limit: 20_000, pause: () => { pauses += 1; return Promise.resolve(); } });
    expect(performance.now() - began).toBeLessThan(10_000); // quadratic, it was two minutes
    expect([fires.length, jobs[0]?.mostAtOnce, jobs[0]?.overlaps]).toEqual([20_000, 20_000, 19_999]);
    expect(pauses).toBeGreaterThan(50);
  });

  it('stops where children with a long jitter pile up', async () => {
    const children = Array.from({ length: 200 }, (_, index) => job(`child-${index}`, { after: { job: 'parent', on: 'succeeded' }, jitter: '1d' }));
    const { truncated, fires } = await simulate([job('parent', { every: '1s' }), ...children], { ...day, assumedDuration: 0, limit: 500 });
    expect(truncated).toBe(true);
    expect(fires.length).toBeLessThanOrEqual(500);
  });
});
