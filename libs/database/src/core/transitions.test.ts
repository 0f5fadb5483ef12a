import { describe, expect, it } from '@jest/globals';
import { endedStates, runStates, unendedStates, type RunState } from '@gleaner/contracts';
import { planTransition, transitions } from './transitions.ts';

const mayMove = (from: RunState, to: RunState): boolean => transitions[to].includes(from);

describe('the transition table', () => {
  it('lets an applied outcome beat a failure, and never the reverse', () => {
    for (const outcome of ['succeeded', 'unchanged', 'quarantined'] as const) {
      expect(mayMove('failed', outcome)).toBe(true);
      for (const from of ['succeeded', 'unchanged'] as const) expect(mayMove(from, 'failed')).toBe(false);
    }
  });
  it('never leaves cancelled, expired, skipped or missed', () => {
    for (const to of runStates) for (const from of ['cancelled', 'expired', 'skipped', 'missed'] as const) expect(mayMove(from, to)).toBe(false);
  });
  it('reaches every state but missed, which is born', () => {
    expect(runStates.filter((to) => transitions[to].length === 0)).toEqual(['missed']);
  });
  it('lets a run end from wherever it waits', () => {
    for (const from of unendedStates) expect(endedStates.some((to) => mayMove(from, to))).toBe(true);
  });
});

describe('planTransition', () => {
  it('marks an ended state for the leader by its own rev, and clears what only a living run has', () => {
    const { filter, update } = planTransition({ run: 'r', to: 'failed', where: { try: 2 }, set: { reason: '$cost' } });
    expect(filter).toEqual({ _id: 'r', try: 2, state: { $in: ['queued', 'running', 'retrying', 'quarantined'] } });
    expect(update[0]).toMatchObject({ $set: { state: 'failed', rev: { $add: ['$rev', 1] }, unsettled: { $add: ['$rev', 1] }, endedAt: '$$NOW', reason: { $literal: '$cost' } } });
    expect(update[1]?.['$unset']).toEqual(expect.arrayContaining(['nextAttemptAt']));
  });
  it('begins a try: counts it, forgets what was published before', () => {
    const { update } = planTransition({ run: 'r', to: 'queued' });
    expect(update[0]).toMatchObject({ $set: { attempts: { $add: ['$attempts', 1] }, queuedAt: '$$NOW' } });
    expect(update[1]?.['$unset']).toEqual(expect.arrayContaining(['publishedAt', 'attempt', 'unsettled']));
  });
});
