import { expect, it } from '@jest/globals';
import { findOrphans, type IdleTransaction, type SeenTransactions } from './findOrphans.ts';

const transaction = (extra: Partial<IdleTransaction> = {}): IdleTransaction => ({ session: 's', number: 1, activeMicros: 10, connection: 7, ...extra });
const look = (idle: readonly IdleTransaction[], now: number, before: SeenTransactions = new Map(), connections: readonly number[] = [7]) => {
  const { orphans, seen } = findOrphans({ idle, connections: new Set(connections), before, now, hungMs: 1_000 });
  return { orphans: orphans.map(({ session }) => session), seen };
};

it('a transaction is orphaned at once where its connection is gone, and where none of its commands came for long enough', () => {
  expect(look([transaction()], 0).orphans).toEqual([]);
  expect(look([transaction(), transaction({ session: 't', connection: 8 })], 0).orphans).toEqual(['t']);
  const first = look([transaction()], 0);
  expect(look([transaction()], 999, first.seen).orphans).toEqual([]);
  expect(look([transaction()], 1_000, first.seen).orphans).toEqual(['s']);
  const between = look([transaction()], 600, first.seen);
  expect(look([transaction()], 1_000, between.seen).orphans).toEqual(['s']);
});

it('a command, another transaction of the session, or a look that it was busy in begin the time anew', () => {
  const first = look([transaction()], 0);
  expect(look([transaction({ activeMicros: 11 })], 1_000, first.seen).orphans).toEqual([]);
  expect(look([transaction({ number: 2 })], 1_000, first.seen).orphans).toEqual([]);
  const busy = look([], 500, first.seen);
  expect(look([transaction()], 1_000, busy.seen).orphans).toEqual([]);
});
