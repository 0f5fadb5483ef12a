import { describe, expect, it } from '@jest/globals';
import { jobDefinitionSchema, type JobInput } from '@gleaner/contracts';
import { simulate } from './simulate.ts';

const job = (id: string, schedule: JobInput['schedule'], http: object = {}) => ({ id, definition: jobDefinitionSchema.parse({ schedule, source: { http: { url: `https://${id}.example/x`, ...http } }, key: 'id' }) });
const day = { from: new Date('2026-03-29T00:00:00Z'), until: new Date('2026-03-30T00:00:00Z') };

describe('simulate', () => {
  it('says each fire, and which of them meet', () => {
    const { fires, jobs, origins, truncated } = simulate([job('a', { every: '6h' })], { ...day, assumedDuration: 7 * 3_600_000 });
    expect(fires.map(({ at, outcome }) => [at.slice(11, 16), outcome])).toEqual([['00:00', 'runs'], ['06:00', 'skipped'], ['12:00', 'runs'], ['18:00', 'skipped']]);
    expect(jobs).toEqual([{ job: 'a', fires: 4, runs: 2, skipped: 2, overlaps: 2, mostAtOnce: 1 }]);
    expect(origins).toEqual([{ origin: 'https://a.example', requests: 2, mostPerMinute: 1, busiestMinute: '2026-03-29T00:00:00.000Z' }]);
    expect(truncated).toBe(false);
  });

  it.each([
    ['queue', [['00:00', 'runs', '00:00'], ['06:00', 'coalesced', undefined], ['12:00', 'runs', '14:00'], ['18:00', 'waits', undefined]]],
    ['allow', [['00:00', 'runs', '00:00'], ['06:00', 'runs', '06:00'], ['12:00', 'runs', '12:00'], ['18:00', 'runs', '18:00']]],
    ['cancel', [['00:00', 'runs', '00:00'], ['06:00', 'runs', '06:00'], ['12:00', 'runs', '12:00'], ['18:00', 'runs', '18:00']]],
  ] as const)('overlap %s', (overlap, expected) => {
    const { fires } = simulate([job('a', { every: '6h', overlap })], { ...day, assumedDuration: 14 * 3_600_000 });
    expect(fires.map(({ at, outcome, startsAt }) => [at.slice(11, 16), outcome, startsAt?.slice(11, 16)])).toEqual(expected);
    if (overlap === 'cancel') expect(fires.map(({ cancelledAt }) => cancelledAt?.slice(11, 16))).toEqual(['06:00', '12:00', '18:00', undefined]);
  });

  it('follows after, adds up an origin over its jobs, and marks clock changes', () => {
    const shared = { url: 'https://one.example/x' };
    const { fires, origins } = simulate([
      job('parent', { cron: '30 3 * * *', timezone: 'Europe/Kyiv' }, shared), job('child', { after: { job: 'parent', on: 'changed' } }, { ...shared, forEach: { list: ['a', 'b', 'c'] } }),
    ], { ...day, assumedDuration: 60_000 });
    expect(fires).toMatchObject([{ job: 'parent', at: '2026-03-29T01:30:00.000Z', note: 'gap' }, { job: 'child', at: '2026-03-29T01:31:00.000Z', trigger: 'after' }]);
    expect(origins).toMatchObject([{ origin: 'https://one.example', requests: 4, mostPerMinute: 3 }]);
  });

  it('stops at its limit and ends chains', () => {
    expect(simulate([job('a', { every: '1s' })], { ...day, assumedDuration: 0, limit: 100 })).toMatchObject({ truncated: true, fires: { length: 100 } });
    const { fires } = simulate([job('a', { any: [{ at: '2026-03-29T00:00:00Z' }, { after: { job: 'b', on: 'changed' } }] }), job('b', { after: { job: 'a', on: 'changed' } })], { ...day, assumedDuration: 1_000 });
    expect(fires).toHaveLength(17);
  });
});
