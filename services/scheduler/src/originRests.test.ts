import type { Database, RunDocument } from '@gleaner/database';
import { describe, expect, it } from '@jest/globals';
import type { Announcer } from './announcer.ts';
import type { OriginSlots } from './originSlots.ts';
import { createOriginRests } from './originRests.ts';

const now = 1_000_000;
const told = { class: 'rate_limited', message: 'slow down', status: 429, retryAfterMs: 60_000, origin: 'https://tokens.example', at: new Date(now - 20_000) };

describe('the rest that an origin asks for', () => {
  it.each<[string, RunDocument['error'], unknown]>([
    ['counts from when it was told, at the origin that said so', told, { origin: 'https://tokens.example', until: now + 40_000, by: 'a@1' }],
    ['may come with a 503', { ...told, status: 503 }, { origin: 'https://tokens.example', until: now + 40_000, by: 'a@1' }],
    ['is a day at most', { ...told, retryAfterMs: 1e12 }, { origin: 'https://tokens.example', until: now - 20_000 + 86_400_000, by: 'a@1' }],
    ['is over: the run has gone on since and kept its last error', { ...told, at: new Date(now - 60_000) }, undefined],
    ['is not asked for by another status', { ...told, status: 404 }, undefined],
    ['is not asked for without Retry-After', { class: 'rate_limited', message: '', status: 429, origin: told.origin, at: told.at }, undefined],
    ['is not asked for by a run that has not failed', undefined, undefined],
  ])('%s', async (_name, error, expected) => {
    const paused: unknown[] = [];
    const announced: unknown[] = [];
    const slots = { pause: async (pause: unknown) => { paused.push(pause); return true; } } as unknown as OriginSlots;
    const announcer = { pauseOrigin: (origin: string, until: Date) => { announced.push([origin, until.getTime()]); } } as unknown as Announcer;
    await createOriginRests({ database: { clock: { now: () => new Date(now) } } as Database, slots, announcer })([{ _id: 'a@1', ...(error ? { error } : {}) }]);
    expect(paused).toEqual(expected === undefined ? [] : [expected]);
    expect(announced).toHaveLength(paused.length);
  });
});
