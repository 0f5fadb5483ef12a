import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideStart, type UnendedRun } from './decideStart.ts';

const run = (id: string, more: Partial<UnendedRun> = {}): UnendedRun => ({ id, state: 'due', trigger: 'schedule', ...more });
const active = (id: string, more: Partial<UnendedRun> = {}): UnendedRun => run(id, { state: 'running', ...more });
const retrying = (id: string, more: Partial<UnendedRun> = {}): UnendedRun => run(id, { state: 'retrying', ...more });
const waiting = (id: string, more: Partial<UnendedRun> = {}): UnendedRun => run(id, { held: 'overlap', ...more });
const start = { act: 'start', cancel: [], supersede: [], coalesce: [] };
const hold = { act: 'hold', coalesce: [] };

describe('decideStart', () => {
  const fire = run('new');
  it.each([
    ['skip, nothing else', fire, 'skip', [], start],
    ['skip, one is running', fire, 'skip', [active('old')], { act: 'skip', reason: 'overlap' }],
    ['skip, one is queued', fire, 'skip', [active('old', { state: 'queued' })], { act: 'skip', reason: 'overlap' }],
    ['skip, one waits for its origin', fire, 'skip', [waiting('old', { held: 'origin' })], { act: 'skip', reason: 'overlap' }],
    ['skip, a fire waits for its next try', fire, 'skip', [retrying('old')], { ...start, supersede: ['old'] }],
    ['skip, one asked for waits for its next try', fire, 'skip', [retrying('old', { trigger: 'manual' })], { act: 'skip', reason: 'overlap' }],
    ['skip, only a backfill runs', fire, 'skip', [active('old', { trigger: 'backfill' })], start],
    ['queue, nothing else', fire, 'queue', [], start],
    ['queue, one is running', fire, 'queue', [active('old')], hold],
    ['queue, one is running and one waits', fire, 'queue', [active('old'), waiting('older')], { act: 'hold', coalesce: ['older'] }],
    ['queue, one asked for waits too: it is not replaced', fire, 'queue', [active('old'), waiting('asked', { trigger: 'manual' })], hold],
    ['queue, asked again when the other has ended', waiting('new'), 'queue', [], start],
    ['queue, a fire waits for its next try', fire, 'queue', [retrying('old')], { ...start, supersede: ['old'] }],
    ['cancel, one is running', fire, 'cancel', [active('old'), waiting('older')], { ...start, cancel: ['old', 'older'] }],
    ['skip, a retried fire waits for its next try', fire, 'skip', [retrying('old', { again: true })], { act: 'skip', reason: 'overlap' }],
    ['queue, a retried fire waits for its next try', fire, 'queue', [retrying('old', { again: true })], hold],
    ['queue, a retried fire waits too: it is not replaced', fire, 'queue', [active('old'), waiting('again', { again: true })], hold],
    ['cancel, one asked for and a retried one wait: they go on waiting', fire, 'cancel', [active('old'), waiting('asked', { trigger: 'manual' }), waiting('again', { again: true })], { ...start, cancel: ['old'] }],
    ['cancel, asked again after waiting for its origin, one asked for runs', waiting('new', { held: 'origin' }), 'cancel', [active('asked', { trigger: 'manual' })], hold],
    ['allow, whatever runs', fire, 'allow', [active('a'), active('b'), retrying('c')], start],
    ['skip, let in before, waits for its origin', waiting('new', { held: 'origin' }), 'skip', [waiting('asked', { trigger: 'manual' })], start],
    ['asked for, one is running', run('new', { trigger: 'manual' }), 'skip', [active('old')], hold],
    ['asked for, cancel does not apply', run('new', { trigger: 'manual' }), 'cancel', [active('old')], hold],
    ['asked for, allow', run('new', { trigger: 'manual' }), 'allow', [active('old')], start],
    ['replayed, one is running', run('new', { again: true }), 'skip', [active('old')], hold],
    ['triggered, one is running', run('new', { trigger: 'after' }), 'skip', [active('old')], { act: 'skip', reason: 'overlap' }],
    ['backfill beside a running fire', run('new', { trigger: 'backfill' }), 'skip', [active('old')], start],
    ['backfill beside a running backfill', run('new', { trigger: 'backfill' }), 'skip', [active('old', { trigger: 'backfill' })], hold],
    ['in turn, one is running', run('new', { inTurn: true }), 'skip', [active('old')], hold],
    ['in turn, allow, a fire runs', run('new', { inTurn: true }), 'allow', [active('old')], start],
    ['in turn, allow, another in turn runs', run('new', { inTurn: true }), 'allow', [active('old', { inTurn: true })], hold],
    ['a fire joins a backlog', fire, 'skip', [active('old', { inTurn: true }), waiting('older', { inTurn: true })], hold],
  ] as const)('%s', (_name, of, overlap, others, expected) => {
    expect(decideStart({ run: of, overlap, others })).toEqual(expected);
  });

  it('never lets two of one job run at once but by `allow`, and never skips what was asked for', () => {
    const other = fc.record({
      id: fc.uuid(), state: fc.constantFrom('due', 'queued', 'running', 'retrying'), trigger: fc.constantFrom('schedule', 'catch-up', 'manual', 'after', 'backfill'),
      again: fc.boolean(), inTurn: fc.boolean(), held: fc.constantFrom(undefined, 'overlap', 'origin'),
    } as const);
    fc.assert(fc.property(other, fc.array(other, { maxLength: 5 }), fc.constantFrom('skip', 'queue', 'cancel', 'allow'), (mine, others, overlap) => {
      const of: UnendedRun = { ...mine, state: 'due' };
      const decision = decideStart({ run: of, overlap, others });
      if (of.trigger === 'manual' || of.again || of.inTurn) expect(decision.act).not.toBe('skip');
      const isAsked = ({ trigger, again }: UnendedRun): boolean => trigger === 'manual' || again === true;
      const byId = new Map(others.map((one) => [one.id, one]));
      const struck = (ids: readonly string[]): UnendedRun[] => ids.flatMap((id) => byId.get(id) ?? []);
      if (decision.act !== 'skip') expect(struck(decision.coalesce).filter((one) => isAsked(one) || one.state !== 'due')).toEqual([]);
      if (decision.act === 'start') expect([...struck(decision.supersede).filter(isAsked), ...struck(decision.cancel).filter((one) => isAsked(one) && one.state === 'due')]).toEqual([]);
      // A backlog goes in turn: nothing of it starts beside another of it, nothing joins it out of turn, and no fire strikes it.
      if (of.inTurn && of.trigger !== 'backfill' && others.some((one) => one.inTurn && one.state !== 'due' && one.trigger !== 'backfill')) expect(decision.act).toBe('hold');
      if (decision.act === 'start') expect(struck([...decision.cancel, ...decision.coalesce]).filter((one) => one.inTurn)).toEqual([]);
      if (decision.act !== 'start' || overlap === 'allow' || of.trigger === 'backfill') return;
      const gone = new Set([...decision.cancel, ...decision.supersede]);
      expect(others.filter(({ id, state, trigger }) => state !== 'due' && trigger !== 'backfill' && !gone.has(id))).toEqual([]);
    }), { numRuns: 2_000 });
  });
});
