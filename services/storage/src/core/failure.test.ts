import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { failureClasses, isRetryable } from '@gleaner/contracts';
import type { RunDocument } from '@gleaner/database';
import { clampObservedAt } from './clampObservedAt.ts';
import { contentOf } from './contentOf.ts';
import { decideFailure } from './decideFailure.ts';
import { judgeGate } from './judgeGate.ts';
import { nextAttemptAt } from './nextAttemptAt.ts';
import { placeSnapshot } from './placeSnapshot.ts';

const now = new Date('2026-11-21T05:00:00.000Z');
const run = (extra: Partial<RunDocument> = {}) => ({ state: 'running', attempts: 2, maxAttempts: 5, attempt: 'B', startedAttempts: ['A', 'B'], ...extra }) as RunDocument;

describe('back-off', () => {
  it.each([[1, 0, 0], [1, 0.5, 2_500], [2, 0.5, 5_000], [5, 0.999999, 80_000], [9, 0.5, 300_000], [40, 0.5, 300_000]])('after try %s at chance %s is %s ms', (failedTry, random, ms) => {
    expect(nextAttemptAt({ failedTry, random, now }).getTime() - now.getTime()).toBe(ms);
  });

  it('is no shorter than what the upstream asks for, a day at most', () => {
    for (const retryAfterMs of [0, 1_000, -5, Number.NaN]) expect(nextAttemptAt({ failedTry: 3, retryAfterMs, random: 0.1, now })).toEqual(new Date(now.getTime() + 2_000));
    expect(nextAttemptAt({ failedTry: 3, retryAfterMs: 7_000, random: 0.1, now })).toEqual(new Date(now.getTime() + 7_000));
    expect(nextAttemptAt({ failedTry: 3, retryAfterMs: 1e15, random: 0.1, now })).toEqual(new Date(now.getTime() + 86_400_000));
  });

  it('never leaves its bounds', () => fc.assert(fc.property(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0, max: 0.9999, noNaN: true }), (failedTry, random) => {
    const wait = nextAttemptAt({ failedTry, random, now }).getTime() - now.getTime();
    expect(wait).toBeGreaterThanOrEqual(0);
    expect(wait).toBeLessThanOrEqual(Math.min(600_000, 5_000 * 2 ** (failedTry - 1)));
  })));
});

describe('a failed try', () => {
  it.each(Object.keys(failureClasses))('of class %s is tried again only where the table says so', (failure) => {
    const decision = decideFailure({ run: run(), failure: { try: 2, attempt: 'B', class: failure }, random: 0.5, now });
    expect(decision.kind).toBe(isRetryable(failure) ? 'retry' : 'fail');
  });

  it.each([
    ['a class nobody knows fails', run(), { try: 2, attempt: 'B', class: 'new_class' }, 'fail'],
    ['the last try fails', run({ attempts: 5 }), { try: 5, attempt: 'B', class: 'network' }, 'fail'],
    ['an older try is ignored', run(), { try: 1, attempt: 'B', class: 'network' }, 'ignore'],
    ['an older attempt of the try is ignored', run(), { try: 2, attempt: 'A', class: 'network' }, 'ignore'],
    ['an attempt whose start was overtaken counts', run(), { try: 2, attempt: 'C', class: 'network' }, 'retry'],
    ['it counts before any start', run({ state: 'queued' }), { try: 2, attempt: 'C', class: 'network' }, 'retry'],
    ['a run that waits already is left alone', run({ state: 'retrying' }), { try: 2, attempt: 'B', class: 'network' }, 'ignore'],
    ['an ended run is left alone', run({ state: 'succeeded' }), { try: 2, attempt: 'B', class: 'network' }, 'ignore'],
    ['no try starts after expiry', run({ expiresAt: new Date(now.getTime() + 1_000) }), { try: 2, attempt: 'B', class: 'network' }, 'fail'],
  ] as const)('%s', (_, of, failure, kind) => {
    expect(decideFailure({ run: of, failure, random: 0.5, now }).kind).toBe(kind);
  });
});

describe('the moment of a snapshot', () => {
  it.each([
    ['the collector\'s', '2026-11-21T04:30:00Z', '2026-11-21T04:30:00Z'],
    ['not before its try was queued', '2026-11-21T03:00:00Z', '2026-11-21T04:00:00Z'],
    ['not in the future', '2027-01-01T00:00:00Z', '2026-11-21T05:00:00Z'],
  ])('is %s', (_, observedAt, expected) => {
    expect(clampObservedAt({ observedAt: new Date(observedAt), queuedAt: new Date('2026-11-21T04:00:00Z'), now })).toEqual(new Date(expected));
  });
});

describe('the gate', () => {
  const content = new Map(['a', 'b'].map((key) => [key, { data: { price: 1, 'dotted.name': 0, none: null } }]));
  it.each([
    [undefined, 9, undefined],
    [{ minItems: 2 }, 0, undefined],
    [{ minItems: 3 }, 0, 'minItems'],
    [{ maxRemoved: 5 }, 5, undefined],
    [{ maxRemoved: 5 }, 6, 'maxRemoved'],
    [{ maxRemoved: '50%' }, 5, undefined],
    [{ maxRemoved: '50%' }, 6, 'maxRemoved'],
    [{ maxRemoved: '0%' }, 1, 'maxRemoved'],
    [{ required: ['price', 'dotted.name'] }, 0, undefined],
    [{ required: ['none'] }, 0, 'required'],
    [{ required: ['toString'] }, 0, 'required'],
  ])('%j with %s of 10 removed: %s', (gate, removed, rule) => {
    expect(judgeGate({ gate, kept: content.size, items: content, before: 10, removed, definitionChanged: false })?.rule).toBe(rule);
  });

  it('lets a changed definition and a first snapshot remove what they like', () => {
    expect(judgeGate({ gate: { maxRemoved: 0 }, kept: content.size, items: content, before: 10, removed: 9, definitionChanged: true })).toBeUndefined();
    expect(judgeGate({ gate: { maxRemoved: 0 }, kept: content.size, items: content, before: 0, removed: 0, definitionChanged: false })).toBeUndefined();
  });
});

describe('the place of a snapshot', () => {
  const head = { position: 'm', horizon: 'd', extractionHash: 'x2', jobVersion: 2 };
  it.each([
    ['p', 2, 'x2', { kind: 'newest', definitionChanged: false }],
    ['k', 2, 'x2', { kind: 'late', definitionChanged: false }],
    ['c', 2, 'x2', { kind: 'nowhere', reason: 'too_old' }],
    ['k', 1, 'x1', { kind: 'nowhere', reason: 'stale_definition' }],
    ['p', 1, 'x1', { kind: 'nowhere', reason: 'stale_definition' }],
    ['p', 1, 'x2', { kind: 'newest', definitionChanged: false }],
    ['p', 3, 'x3', { kind: 'newest', definitionChanged: true }],
  ])('at %s of version %s, %s', (position, jobVersion, extractionHash, expected) => {
    expect(placeSnapshot({ head, position, jobVersion, extractionHash })).toEqual(expected);
  });
});

it('takes no item of another shape', () => {
  expect(contentOf([[{ k: 'a', h: 'h', d: {} }], [{ k: 'a', h: 'i', d: { x: 1 } }]])).toEqual({ ok: true, content: new Map([['a', { hash: 'i', data: { x: 1 } }]]) });
  for (const bad of [null, {}, { k: '', h: 'h', d: {} }, { k: 1, h: 'h', d: {} }, { k: 'a', h: 'h', d: null }]) expect(contentOf([[bad as never]])).toMatchObject({ ok: false });
});
