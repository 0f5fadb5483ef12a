import { describe, expect, it } from '@jest/globals';
import { messageTypes, readMessage } from './messages.ts';
import { missedStretchId, observedAtOf, positionAfter, positionOf, triggeredRunId } from './ids.ts';
import { topology } from './topology.ts';

const head = { run: 'rates@2026-11-21T05:20:00.000Z', job: 'rates', dataset: 'D', jobVersion: 1, try: 1, queuedAt: '2026-11-21T05:20:00.000Z' };
const batch = { v: 1, ...head, attempt: 'A', seq: 0, items: [{ k: 'a', h: '1', d: { x: 1 } }] };

describe('readMessage', () => {
  it('reads what was written', () => {
    expect(readMessage(messageTypes.batch, JSON.stringify(batch))).toEqual({ ok: true, type: 'batch', batch });
  });
  it('lets a field of a newer sender through', () => {
    expect(readMessage(messageTypes.batch, JSON.stringify({ ...batch, colour: 'red' }))).toMatchObject({ ok: true });
  });
  it.each([
    ['no type', undefined, '{}'],
    ['a type of the future', 'batch.v2', JSON.stringify(batch)],
    ['no JSON', messageTypes.batch, '{"v":'],
    ['another version', messageTypes.batch, JSON.stringify({ ...batch, v: 2 })],
    ['no items', messageTypes.batch, JSON.stringify({ ...batch, items: 'none' })],
    ['an unknown report', messageTypes.report, JSON.stringify({ v: 1, ...head, attempt: 'A', kind: 'gossip' })],
    ['null', messageTypes.tick, 'null'],
  ])('%s is unreadable, with a reason, never a throw', (_name, type, body) => {
    expect(readMessage(type, body)).toMatchObject({ ok: false, class: 'unreadable', reason: expect.stringContaining('expected') });
  });
});

describe('ids', () => {
  it('positions sort by moment, then run', () => {
    const early = new Date('2026-01-01T00:00:00Z');
    const late = new Date('2026-01-01T00:00:00.001Z');
    const sorted = [positionOf(late, 'a'), positionOf(early, 'b'), positionOf(early, 'a')].sort();
    expect(sorted).toEqual([positionOf(early, 'a'), positionOf(early, 'b'), positionOf(late, 'a')]);
    expect(positionAfter(early) > positionOf(early, 'zzz')).toBe(true);
    expect(positionAfter(early) < positionOf(late, '')).toBe(true);
    expect(observedAtOf(positionOf(late, 'a@|b'))).toEqual(late);
  });
  it('are the same for everyone who computes them', () => {
    expect(triggeredRunId('b', 'a@1', 'changed')).toBe(triggeredRunId('b', 'a@1', 'changed'));
    expect(triggeredRunId('b', 'a@1', 'changed')).toMatch(/^b@after-[0-9a-f]{20}$/);
    expect(missedStretchId('b', new Date(0))).toBe('b@missed-1970-01-01T00:00:00.000Z');
  });
});

describe('topology', () => {
  it('binds each queue to an exchange that is declared, and dead-letters to one', () => {
    const names = new Set(topology.exchanges.map(({ name }) => name));
    for (const queue of topology.queues) {
      expect(names).toContain(queue.binding.exchange);
      if (queue.deadLetter) expect(names).toContain(queue.deadLetter.exchange);
    }
  });
  it('declares what dead letters fall into before what they fall from', () => {
    const order = topology.queues.map(({ name }) => name);
    for (const [work, dead] of Object.entries(topology.deadQueues)) expect(order.indexOf(dead)).toBeLessThan(order.indexOf(work));
  });
});
