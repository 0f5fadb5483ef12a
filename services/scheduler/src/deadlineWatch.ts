import { exchanges, messageIds, messageTypes, queues, type Probe } from '@gleaner/contracts';
import type { Broker } from '@gleaner/broker';
import { moveRun, moveRuns, revisionId, updateRun, type Database, type RunDocument } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import type { SchedulerTimes } from './config.ts';
import { judgeSilence } from './core/judgeSilence.ts';
import { slotHeldUntil } from './core/slotHeldUntil.ts';
import { failWithLetter } from './failWithLetter.ts';
import type { OriginSlots } from './originSlots.ts';
import type { TickOutbox } from './tickOutbox.ts';
import type { RunBook } from './runBook.ts';
import type { RunSettler } from './runSettler.ts';
import type { TickSpecs } from './tickSpecs.ts';

/** Runs looked at in one round: the rest come with the next. */
const roundSize = 2_000;
/** A queued run this old without a confirm was left by a leader that is gone, ms. */
const unconfirmedMs = 2_000;

/** Sees to it that nothing hangs for ever: expired runs, ticks without a confirm or a sign, attempts that have fallen silent. */
export function createDeadlineWatch({ database, broker, runs, specs, slots, outbox, settler, times, signal, log }: {
  readonly database: Database;
  readonly broker: Pick<Broker, 'publish'>;
  readonly runs: RunBook;
  readonly specs: TickSpecs;
  readonly slots: OriginSlots;
  readonly outbox: TickOutbox;
  readonly settler: RunSettler;
  readonly times: Pick<SchedulerTimes, 'republishMs' | 'republishMaxMs' | 'lostAfterMs'>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}) {
  const { runs: collection } = database.collections;

  /**
   * A run that has not begun since it was inserted, or given another chance, expires. One that has begins no further try: it fails, with its letter,
   * and a result of an earlier try may still come. In the queue the error of an earlier try tells the two apart: it stays until the run is `due` again.
   */
  const expire = async (now: Date): Promise<void> => {
    const isLate = { expiresAt: { $lte: now } };
    const late = await collection.find({ state: { $in: ['due', 'queued', 'retrying'] }, ...isLate }, { projection: { state: 1, attempts: 1, error: 1 }, limit: roundSize }).toArray();
    const unbegun = late.flatMap(({ _id, state, error }) => (state === 'due' || (state === 'queued' && error === undefined) ? [_id] : []));
    await moveRuns({ database, runs: unbegun, to: 'expired', where: { ...isLate, $or: [{ state: 'due' }, { error: { $exists: false } }] }, set: { reason: 'expired' } });
    for (const id of unbegun) settler.hear(id);
    for (const { _id, state, attempts, error } of late) {
      if (state !== 'retrying' && (state !== 'queued' || error === undefined)) continue;
      if (await failWithLetter({ database, run: _id, state, attempts, reason: 'expired' })) settler.hear(_id);
    }
  };

  /** Ticks that nobody has confirmed and that this leader is not sending. */
  const sendUnconfirmed = async (now: Date): Promise<void> => {
    const left = await collection.find({ state: 'queued', publishedAt: { $exists: false }, queuedAt: { $lte: new Date(now.getTime() - unconfirmedMs) } }, { limit: roundSize }).toArray();
    await send(left.filter(({ _id }) => !outbox.isUnderWay(_id)));
  };

  const send = async (found: readonly RunDocument[]): Promise<void> => {
    if (found.length === 0) return;
    await runs.reread(found.map(({ _id }) => _id));
    await outbox.publish(found.flatMap(({ _id }) => { const run = runs.get(_id); return run?.state === 'queued' ? [run] : []; }));
  };

  /** Ticks that were confirmed and of which nothing was heard: the queue may be gone with them. The same try is sent again. */
  const sendAgain = async (now: Date): Promise<void> => {
    const silent = await collection.find({ state: 'queued', publishedAt: { $lte: new Date(now.getTime() - times.republishMs) } }, { limit: roundSize }).toArray();
    const again: RunDocument[] = [];
    for (const run of silent) {
      const republished = run.republished ?? 0;
      const wait = Math.min(times.republishMs * 2 ** republished, times.republishMaxMs);
      if ((run.publishedAt?.getTime() ?? 0) + wait > now.getTime() || outbox.isUnderWay(run._id)) continue;
      const marked = await updateRun({ database, run: run._id, where: { state: 'queued', attempts: run.attempts, ...(republished === 0 ? { republished: { $exists: false } } : { republished }) }, set: { republished: republished + 1 } });
      if (marked) again.push(marked);
    }
    if (again.length > 0) log.warn({ runs: again.length, first: again[0]?._id }, 'no sign of queued runs; their ticks are sent again');
    await send(again);
  };

  const probe = async (run: RunDocument, now: Date): Promise<void> => {
    const marked = await updateRun({ database, run: run._id, where: { state: 'running', attempts: run.attempts }, set: { probe: { at: now } } });
    if (marked === null) return;
    const body: Probe = { v: 1, run: run._id, try: run.attempts, at: now.toISOString() };
    await broker.publish({ exchange: exchanges.work, routingKey: queues.store, type: messageTypes.probe, messageId: messageIds.probe(run._id, run.attempts, now.getTime()), correlationId: run._id, body, signal });
  };

  const lose = async (run: RunDocument, now: Date): Promise<void> => {
    const error = { class: 'lost', message: `expected a sign of life of try ${run.attempts} within ${times.lostAfterMs} ms; the last came at ${(run.lastSignAt ?? run.startedAt)?.toISOString() ?? 'no time'}` };
    // Only if nothing came since: a sign that arrives between the look and the write keeps the run alive.
    const where = { attempts: run.attempts, lastSignAt: run.lastSignAt ?? { $exists: false } };
    const maxDuration = (await specs.of([run])).get(revisionId(run.job, run.jobVersion))?.maxDuration ?? 0;
    // The attempt may be asking its origin all the same: its slot stays with it, and the next try needs another.
    const until = slotHeldUntil({ ...run, state: 'retrying', error }, maxDuration);
    const slot = until === undefined ? {} : { slotTry: run.attempts, slotUntil: new Date(until) };
    const moved = run.attempts < run.maxAttempts
      ? await moveRun({ database, run: run._id, to: 'retrying', where, set: { nextAttemptAt: now, error, ...slot } })
      : await moveRun({ database, run: run._id, to: 'failed', where, set: { reason: 'lost', error, ...slot }, unset: ['letter'] });
    if (moved === null) return;
    slots.follow(moved, now.getTime());
    log.warn({ run: run._id, try: run.attempts, state: moved.state, lastSignAt: run.lastSignAt }, 'a running attempt has fallen silent and is given up');
    if (moved.state === 'failed') settler.hear(run._id);
    else await runs.reread([run._id]);
  };

  const followSilent = async (now: Date): Promise<void> => {
    const since = new Date(now.getTime() - times.lostAfterMs);
    const silent = await collection.find({ state: 'running', $or: [{ lastSignAt: { $lte: since } }, { lastSignAt: { $exists: false }, startedAt: { $lte: since } }] }, { limit: roundSize }).toArray();
    for (const run of silent) {
      const verdict = judgeSilence({ lastSign: (run.lastSignAt ?? run.startedAt ?? now).getTime(), probe: run.probe, now: now.getTime(), lostAfterMs: times.lostAfterMs });
      if (verdict === 'probe') await probe(run, now);
      if (verdict === 'lost') await lose(run, now);
    }
  };

  return {
    /** One round over all deadlines; each by its index. */
    async step(): Promise<void> {
      const now = database.clock.now();
      await expire(now);
      await sendUnconfirmed(now);
      await sendAgain(now);
      await followSilent(now);
    },
  };
}
