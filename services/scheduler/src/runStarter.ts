import type { RunReason } from '@gleaner/contracts';
import { moveOperation, moveRuns, type Database } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import { decideStart, isPlainFire, type StartDecision } from '@gleaner/schedule';
import type { Announcer } from './announcer.ts';
import type { SchedulerTimes } from './config.ts';
import { judgeLate } from './core/judgeLate.ts';
import { failWithLetter } from './failWithLetter.ts';
import type { OriginSlots } from './originSlots.ts';
import { forgetPrepared, prepareTicks } from './prepareTicks.ts';
import type { TickOutbox } from './tickOutbox.ts';
import type { InputReader } from './inputReader.ts';
import { asUnended, type KnownRun, type RunBook } from './runBook.ts';
import type { TickSpecs } from './tickSpecs.ts';

/** Runs that one step starts: small enough that the first of a burst is on its way while the rest are written. */
const stepSize = 500;
/** How long before its moment a burst may be begun, ms: 10,000 runs take about so long to move. */
const longestAheadMs = 1_500;
/** Of the runs that wait in a line, so many are asked at once whether they can start. */
const askedInLine = 50;

/** Waits for something else than a slot of its origin, which the slots themselves call it for. */
const isHeldHere = ({ held, state }: KnownRun): boolean => held !== undefined && held !== 'origin' && (state === 'due' || state === 'retrying');

type Verdict =
  | { readonly act: 'go'; readonly decision?: Extract<StartDecision, { act: 'start' }> }
  | { readonly act: 'hold'; readonly held: 'overlap' | 'origin' | 'version'; readonly coalesce?: readonly string[] }
  | { readonly act: 'skip'; readonly reason: RunReason }
  | { readonly act: 'expire' };

export type RunStarter = ReturnType<typeof createRunStarter>;

/** Decides what becomes of runs whose moment has come, moves those that may start to `queued`, and hands them to the outbox. */
export function createRunStarter({ database, runs, specs, inputs, outbox, slots, announcer, times, token, log, onEnded }: {
  readonly database: Database;
  readonly runs: RunBook;
  readonly specs: TickSpecs;
  readonly inputs: InputReader;
  readonly outbox: TickOutbox;
  readonly slots: OriginSlots;
  readonly announcer: Announcer;
  readonly times: Pick<SchedulerTimes, 'lateAfterMs' | 'queueAheadMs' | 'gatherMs'>;
  readonly token: number;
  readonly log: Logger;
  /** Told of runs that ended here, for whoever settles them. */
  readonly onEnded: (runs: readonly string[]) => void;
}) {
  const judge = (run: KnownRun, now: number): Verdict => {
    const spec = run.prepared?.spec;
    if (spec === undefined) return { act: 'hold', held: 'version' };
    if (run.expiresAt !== undefined && run.expiresAt.getTime() <= now) return { act: 'expire' };
    if (run.forEach?.ok === false && run.state === 'due') return { act: 'skip', reason: run.forEach.reason };
    if (run.state === 'retrying') return admit(run, now) ? { act: 'go' } : { act: 'hold', held: 'origin' };
    const { schedule, limits } = spec;
    const siblings = runs.rivalsOf(run.job);
    if (run.trigger === 'schedule' && run.held === undefined && isPlainFire(asUnended(run))) {
      const laterFireDue = siblings.some((other) => other.scheduledAt > run.scheduledAt && other.state === 'due' && other.dueAt.getTime() <= now && isPlainFire(asUnended(other)) && other.trigger !== 'after');
      const late = judgeLate({ misfire: schedule.misfire, grace: schedule.grace, lateMs: now - run.dueAt.getTime(), lateAfterMs: times.lateAfterMs, laterFireDue });
      if (late === 'in turn') { run.inTurn = true; runs.refile(run); }
      else if (late !== 'run') return { act: 'skip', reason: late };
    }
    const others = siblings.filter((other) => other !== run && (other.state !== 'due' || other.dueAt.getTime() <= now)).map(asUnended);
    const decision = decideStart({ run: asUnended(run), overlap: schedule.overlap, others, backfillConcurrency: limits.concurrency ?? 1 });
    if (decision.act === 'hold') return { act: 'hold', held: 'overlap', coalesce: decision.coalesce };
    if (decision.act === 'skip') return { act: 'skip', reason: decision.reason };
    // What gives way does so first; a run that is then let in keeps its slot for the move.
    if (decision.cancel.length + decision.supersede.length + decision.coalesce.length > 0) return { act: 'go', decision };
    return admit(run, now) ? { act: 'go' } : { act: 'hold', held: 'origin' };
  };

  const admit = (run: KnownRun, now: number): boolean => {
    const { origins = [], limits = {} } = run.prepared?.spec ?? {};
    // Those of the version that it runs with: a run asked for has none yet, one that was given another chance may have those of an older version.
    if ((run.origins ?? []).join(' ') !== origins.join(' ')) {
      run.origins = origins;
      run.unwritten = true;
    }
    return slots.admit(run, now, limits);
  };

  /** The run counts as queued from here on, so that what is judged after it sees it. */
  const reserve = (run: KnownRun, at: Date): void => {
    run.state = 'queued';
    run.attempts += 1;
    run.queuedAt = at;
    if (run.forEach?.ok) {
      run.inputs = { ...run.inputs, forEach: run.forEach.values };
      run.unwritten = true;
    }
    delete run.held;
    delete run.nextAttemptAt;
    runs.refile(run);
  };

  const queue = async (go: readonly KnownRun[], at: Date): Promise<void> => {
    if (go.length === 0) return;
    const ids = go.map(({ _id }) => _id);
    const began = performance.now();
    // What the leader made itself has its origins on the row already, and most runs take no inputs: these move in one write.
    const known = go.filter(({ unwritten }) => unwritten === undefined);
    const asked = go.filter(({ unwritten }) => unwritten);
    let moved = await moveRuns({ database, runs: known.map(({ _id }) => _id), to: 'queued', set: { token }, at });
    if (asked.length > 0) moved += (await database.collections.runs.bulkWrite(asked.map(({ _id, origins, inputs }) => moveOperation({ run: _id, to: 'queued', set: { token, origins, inputs }, at })), { ordered: false })).matchedCount;
    let queued = go;
    if (moved < go.length) {
      const found = await database.collections.runs.find({ _id: { $in: ids }, state: 'queued', queuedAt: at, token }, { projection: { _id: 1 } }).toArray();
      const mine = new Set(found.map(({ _id }) => _id));
      queued = go.filter(({ _id }) => mine.has(_id));
      const others = go.filter(({ _id }) => !mine.has(_id));
      for (const run of others) { slots.release({ run: run._id, try: run.attempts }, at.getTime()); forgetPrepared(run); }
      await runs.reread(others.map(({ _id }) => _id));
    }
    for (const run of queued) delete run.unwritten;
    const movedMs = performance.now() - began;
    await outbox.publish(queued);
    log.debug({ runs: queued.length, movedMs: Math.round(movedMs), tookMs: Math.round(performance.now() - began) }, 'queued');
    void outbox.calm().then(() => { for (const run of queued) announcer.moved(run, 'queued', { at }); });
  };

  const endAll = async (ended: ReadonlyMap<string, readonly KnownRun[]>, to: 'skipped' | 'expired'): Promise<void> => {
    for (const [reason, list] of ended) {
      await moveRuns({ database, runs: list.map(({ _id }) => _id), to, set: { reason } });
      for (const run of list) runs.forget(run._id);
      onEnded(list.map(({ _id }) => _id));
    }
  };

  const hold = async (held: ReadonlyMap<string, readonly KnownRun[]>): Promise<void> => {
    for (const [reason, list] of held) {
      const fresh = list.filter((run) => run.held !== reason);
      for (const run of list) {
        run.held = reason;
        // It is in nobody's way at its origin while it waits for something else.
        if (reason !== 'origin') slots.leave(run);
        // It may wait for long: what it then asks with, and for, is read when it starts.
        forgetPrepared(run);
      }
      if (fresh.length > 0) await database.collections.runs.updateMany({ _id: { $in: fresh.map(({ _id }) => _id) }, state: { $in: ['due', 'retrying'] } }, { $set: { held: reason } });
    }
  };

  /** What a start costs others: cancelled, coalesced and superseded runs, by the run's own moment. */
  const makeRoom = async ({ cancel, supersede, coalesce }: Extract<StartDecision, { act: 'start' }>): Promise<void> => {
    if (cancel.length > 0) {
      await moveRuns({ database, runs: cancel, to: 'cancelled', set: { reason: 'overlap' } });
      for (const id of cancel) announcer.abort({ run: id, try: runs.get(id)?.attempts ?? 0 }, 'overlap');
    }
    if (coalesce.length > 0) await moveRuns({ database, runs: coalesce, to: 'skipped', set: { reason: 'coalesced' } });
    for (const id of supersede) {
      const run = runs.get(id);
      if (run !== undefined) await failWithLetter({ database, run: id, state: 'retrying', attempts: run.attempts, reason: 'superseded_by_fire' });
    }
    const ended = [...cancel, ...coalesce, ...supersede];
    for (const id of ended) runs.forget(id);
    onEnded(ended);
  };

  /** Decides against the runs as the database has them: nothing is skipped, held or cancelled on hearsay. */
  const decideSurely = async (doubtful: readonly KnownRun[], now: number): Promise<void> => {
    await runs.reload([...new Set(doubtful.map(({ job }) => job))]);
    const go: KnownRun[] = [];
    const skipped = new Map<string, KnownRun[]>();
    const expired = new Map<string, KnownRun[]>();
    const held = new Map<string, KnownRun[]>();
    const add = (lists: Map<string, KnownRun[]>, reason: string, run: KnownRun): void => { const list = lists.get(reason); if (list) list.push(run); else lists.set(reason, [run]); };
    const at = database.clock.now();
    for (const run of doubtful) {
      if (runs.get(run._id) !== run || (run.state !== 'due' && run.state !== 'retrying')) continue;
      let verdict = judge(run, now);
      if (verdict.act === 'go' && verdict.decision) {
        await makeRoom(verdict.decision);
        verdict = admit(run, now) ? { act: 'go' } : { act: 'hold', held: 'origin' };
      }
      if (verdict.act === 'go') { reserve(run, at); go.push(run); continue; }
      if (verdict.act === 'hold') {
        if (verdict.held === 'version') log.error({ run: run._id, jobVersion: run.jobVersion }, 'the version of a run is not in revisions; it cannot start');
        for (const id of verdict.coalesce ?? []) { const other = runs.get(id); if (other) { add(skipped, 'coalesced', other); runs.forget(id); } }
        add(held, verdict.held, run);
      } else if (verdict.act === 'skip') {
        add(skipped, verdict.reason, run);
        runs.forget(run._id);
      } else if (run.state === 'retrying') {
        await failWithLetter({ database, run: run._id, state: 'retrying', attempts: run.attempts, reason: 'expired' });
        runs.forget(run._id);
        onEnded([run._id]);
      } else add(expired, 'expired', run);
    }
    await endAll(skipped, 'skipped');
    await endAll(expired, 'expired');
    await hold(held);
    await queue(go, at);
  };

  /** A burst is begun earlier, because moving all of it takes longer. */
  const aheadNow = (): number => (times.queueAheadMs === 0 ? 0 : times.queueAheadMs + Math.min(longestAheadMs, runs.waiting / 7));

  return {
    /** When something is next to be started, ms. */
    get nextAt(): number { return Math.min((runs.nextAt ?? Number.POSITIVE_INFINITY) - aheadNow(), runs.nextPunctualAt ?? Number.POSITIVE_INFINITY); },

    /** Starts what is due by now, at most a few hundred; `taken` is told of each run that it took up before anything is done with it. */
    async step(taken: string[]): Promise<number> {
      const now = database.clock.now().getTime();
      for (const run of slots.takeReady(now)) runs.again(run);
      const due = runs.takeDue(now, aheadNow() + (times.queueAheadMs === 0 ? 0 : times.gatherMs), stepSize);
      if (due.length === 0) return 0;
      for (const { _id } of due) taken.push(_id);
      await outbox.room();
      await prepareTicks({ database, specs, runs: due.filter(({ prepared }) => prepared === undefined) });
      const at = database.clock.now();
      const go: KnownRun[] = [];
      const doubtful: KnownRun[] = [];
      const waiting: KnownRun[] = [];
      for (const run of due) {
        // Those whose input is still being read come again when it is there.
        if ((run.state !== 'due' && run.state !== 'retrying') || !inputs.ask(run)) continue;
        const early = (run.state === 'due' ? run.dueAt : (run.nextAttemptAt ?? at)) > at;
        // Ahead of its moment only a fire of the plainest kind is queued; whatever has to be decided is decided at the moment.
        if (early && (run.trigger !== 'schedule' || run.held !== undefined || run.state !== 'due' || runs.rivalsOf(run.job).length > 1)) { runs.postpone(run); continue; }
        const verdict = judge(run, at.getTime());
        if (early && (verdict.act !== 'go' || verdict.decision)) {
          slots.leave(run);
          runs.postpone(run);
          continue;
        }
        if (verdict.act === 'go' && !verdict.decision) { reserve(run, at); go.push(run); }
        else if (verdict.act === 'hold' && verdict.held === 'origin') waiting.push(run);
        else doubtful.push(run);
      }
      await queue(go, at);
      await hold(new Map([['origin', waiting]]));
      if (doubtful.length > 0) await decideSurely(doubtful, at.getTime());
      return due.length;
    },

    /** Runs of a job that wait for another of its runs are asked again. */
    wakeHeld(job: string): void {
      for (const run of [...runs.rivalsOf(job), ...runs.headsOf(job, askedInLine)]) if (isHeldHere(run)) runs.again(run);
    },

    /** All that waits, but for a slot, is asked again: what should have woken it may have been lost. */
    wakeAllHeld(): void {
      const jobs = new Set<string>();
      for (const run of runs.all()) if (isHeldHere(run)) jobs.add(run.job);
      for (const job of jobs) this.wakeHeld(job);
    },
  };
}
