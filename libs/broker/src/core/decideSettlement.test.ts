import { describe, expect, it } from '@jest/globals';
import { dead, done, handBack, retry } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { testTopology } from '../testing/withConnected.ts';
import { decideSettlement } from './decideSettlement.ts';
import type { DeliveryFacts } from './decideSettlement.ts';
import { routesOf } from './routes.ts';

const now = '2026-11-21T05:20:00.000Z';
const facts: DeliveryFacts = { attempt: 1, headers: { tenant: 'a', 'x-death': [{}], 'x-delivery-count': 3 }, exchange: 'work', routingKey: 'work', firstSeenAt: '2026-11-21T05:00:00.000Z' };
const decide = (queue: string, outcome: Outcome, more: Partial<DeliveryFacts> = {}) =>
  decideSettlement({ outcome, facts: { ...facts, ...more }, routes: routesOf(queue, testTopology), now });
const rung = (ms: number) => ({ exchange: 'retry', routingKey: `work.retry.${ms}ms` });

describe('decideSettlement', () => {
  it.each([
    ['done', 'work', done(), 1, { kind: 'ack' }],
    ['first retry', 'work', retry('r'), 1, { kind: 'copy', as: 'retried', to: rung(200) }],
    ['second retry', 'work', retry('r'), 2, { kind: 'copy', as: 'retried', to: rung(400) }],
    ['last rung', 'work', retry('r'), 3, { kind: 'copy', as: 'retried', to: rung(800) }],
    ['ladder used up', 'work', retry('r'), 4, { kind: 'copy', as: 'dead', to: { exchange: 'dead', routingKey: 'work' } }],
    ['used up, whatever afterMs says', 'work', retry('r', 1), 9, { kind: 'copy', as: 'dead' }],
    ['afterMs picks the smallest rung of at least that', 'work', retry('r', 201), 1, { kind: 'copy', as: 'retried', to: rung(400) }],
    ['afterMs equal to a rung', 'work', retry('r', 800), 1, { kind: 'copy', as: 'retried', to: rung(800) }],
    ['afterMs beyond the ladder', 'work', retry('r', 60_000), 1, { kind: 'copy', as: 'retried', to: rung(800) }],
    ['afterMs 0', 'work', retry('r', 0), 3, { kind: 'copy', as: 'retried', to: rung(200) }],
    ['handed back, whatever the ladder', 'work', handBack('r'), 4, { kind: 'handBack', reason: 'r' }],
    ['no ladder', 'plain', retry('r'), 1, { kind: 'requeue', reason: 'r' }],
    ['no ladder, dead', 'plain', dead('r'), 1, { kind: 'copy', as: 'dead', to: { exchange: 'dead', routingKey: 'plain' } }],
    ['no dead-letter queue', 'ask', dead('r'), 1, { kind: 'drop', reason: 'r' }],
    ['a queue nobody described', 'other', retry('r'), 1, { kind: 'requeue', reason: 'r' }],
  ] as const)('%s', (_name, queue, outcome, attempt, expected) => {
    expect(decide(queue, outcome, { attempt })).toMatchObject(expected);
  });

  it('keeps own headers, strips those of the broker, and says where the message came from', () => {
    expect(decide('work', retry('slow'), { attempt: 2 })).toMatchObject({
      headers: { tenant: 'a', attempt: 2, reason: 'slow', 'origin-exchange': 'work', 'origin-routing-key': 'work', 'first-seen-at': facts.firstSeenAt },
    });
    expect(JSON.stringify(decide('work', retry('slow')))).not.toContain('x-');
  });

  it('tells a dead letter its reason (500 characters), class, details, source and time', () => {
    const settlement = decide('work', dead('é'.repeat(900), { class: 'unreadable', details: { path: 'a.b' } }), { attempt: 3 });
    expect(settlement).toMatchObject({
      headers: { class: 'unreadable', details: '{"path":"a.b"}', 'source-queue': 'work', 'dead-at': now, attempt: 3, 'first-seen-at': facts.firstSeenAt },
    });
    expect(settlement.kind === 'copy' && String(settlement.headers['reason'])).toHaveLength(500);
  });

  it('leaves out foreign headers that would not fit again', () => {
    const settlement = decide('work', dead('r'), { headers: { big: 'x'.repeat(60_000) } });
    expect(settlement).toMatchObject({ headers: { 'headers-dropped': true, reason: 'r' } });
    expect(JSON.stringify(settlement).length).toBeLessThan(2_000);
  });
});
