import type { Batch, ChangesReport, CompleteReport, UnchangedReport } from '@gleaner/contracts';
import { moveRun, snapshotId, type HeadDocument, type RunDocument } from '@gleaner/database';
import { dead, done, type Outcome } from '@gleaner/broker';
import { announceRun } from './announceRun.ts';
import { applySnapshot } from './applySnapshot.ts';
import { dropBatches, isCompleteKept, isSetWhole, keepBatch, keepComplete, keptMoment, readWholeSet, type WholeSet } from './batchStore.ts';
import { clampObservedAt } from './core/clampObservedAt.ts';
import { changesOf, contentOf } from './core/contentOf.ts';
import { judgeArrival } from './core/judgeArrival.ts';
import { failRun } from './failRun.ts';
import { handleFailed } from './handleFailed.ts';
import { noteLastReport } from './noteLastReport.ts';
import { quarantineRun } from './quarantineRun.ts';
import type { Applied, Result } from './result.ts';
import type { SetInHand } from './setsInHand.ts';
import type { StateAhead } from './stateAhead.ts';
import type { StorageParts } from './storageParts.ts';

const rounds = 50;

/** A moment of the collector's clock, clamped like `observedAt`. */
const startOf = ({ database }: StorageParts, { startedAt, queuedAt }: Pick<CompleteReport, 'startedAt' | 'queuedAt'>): { readonly startedAt?: Date } =>
  (startedAt === undefined ? {} : { startedAt: clampObservedAt({ observedAt: new Date(startedAt), queuedAt: new Date(queuedAt), now: database.clock.now() }) });

/** One batch of several: kept, and where it was the last one missing, the set is applied. */
export async function handleBatch({ parts, batch, body }: { readonly parts: StorageParts; readonly batch: Batch; readonly body: Buffer }): Promise<Outcome> {
  const held = await parts.sets.holdBatch(batch);
  if (held.kind === 'settled') return held.outcome;
  const arrival = await readArrival(parts, batch, { isLast: false });
  if (arrival.kind !== 'go') return arrival.outcome;
  await parts.onStep?.('before a batch is kept');
  await keepBatch(parts, { run: batch.run, attempt: batch.attempt, seq: batch.seq, body });
  await parts.onStep?.('after a batch is kept');
  return (await isCompleteKept(parts, batch.attempt)) ? await applyWholeSet({ parts, report: batch }) : done();
}

/** An attempt has seen all there is, or all that has changed: applied at once where its items came along, else when its batches are there. */
export async function handleComplete({ parts, report }: { readonly parts: StorageParts; readonly report: CompleteReport | ChangesReport }): Promise<Outcome> {
  const observedAt = clampObservedAt({ observedAt: new Date(report.observedAt), queuedAt: new Date(report.queuedAt), now: parts.database.clock.now() });
  if (report.batches === 0) return await settleResult({ parts, report, read: (run) => contentResult({ parts, run, report, observedAt, lists: [report.items ?? []] }) });
  const held = await parts.sets.holdComplete(report);
  if (held.kind === 'settled') return held.outcome;
  const arrival = await readArrival(parts, report);
  if (arrival.kind !== 'go') return arrival.outcome;
  await keepComplete(parts, report, observedAt);
  await parts.onStep?.('after the complete report is kept');
  return await applyWholeSet({ parts, report });
}

/** Applies a set whose messages are all in this process. One of them may be a copy of a kept one: the moment that was kept first stands. */
export async function settleSetInHand(parts: StorageParts, { report, batches, ahead }: SetInHand): Promise<Outcome> {
  const kept = await keptMoment(parts, report.attempt);
  const observedAt = kept ?? (await ahead?.observedAt) ?? clampObservedAt({ observedAt: new Date(report.observedAt), queuedAt: new Date(report.queuedAt), now: parts.database.clock.now() });
  return await settleResult({ parts, report, kept: kept !== undefined, read: (run) => contentResult({ parts, run, report, observedAt, lists: [...batches.map(({ items }) => items), report.items ?? []], ...(ahead ? { ahead } : {}) }) });
}

/** The upstream said the same as before. */
export async function handleUnchanged({ parts, report }: { readonly parts: StorageParts; readonly report: UnchangedReport }): Promise<Outcome> {
  const observedAt = clampObservedAt({ observedAt: new Date(report.observedAt), queuedAt: new Date(report.queuedAt), now: parts.database.clock.now() });
  // Read while the run is: it changes in nothing that matters here, and the head's rev tells whether it is still the newest.
  const base = parts.history.snapshots.findOne({ _id: snapshotId(report.dataset, report.base) }, { readConcern: { level: 'majority' } });
  base.catch(() => undefined); // asked for below, where it matters
  return await settleResult({
    parts, report, read: async (run) => {
      const row = await base;
      const revision = await parts.revisions(run.job, report.jobVersion);
      if (revision === null) return `expected version ${report.jobVersion} of job ${run.job}; there is none`;
      return { run, dataset: report.dataset, jobVersion: report.jobVersion, observedAt, ...startOf(parts, report), definition: revision.definition, request: report.request, requests: report.requests, saw: { kind: 'again', base: report.base, row } };
    },
  });
}

/**
 * Applies the set of an attempt if it is whole. Its content is read in turn, once the run was found to want it: when the last messages of a large set
 * come together, all of them see it whole, and only one may hold it in memory.
 */
export async function applyWholeSet({ parts, report, accepted = false }: { readonly parts: StorageParts; readonly report: Arriving; readonly accepted?: boolean }): Promise<Outcome> {
  if (!(await isSetWhole(parts, report.attempt))) return done();
  let set: WholeSet | undefined;
  return await settleResult({
    parts, report, accepted, kept: true,
    read: async (run) => {
      set ??= await readWholeSet(parts, report.attempt);
      if (!set) return undefined;
      const lists = [...set.batches.map(({ items }) => items), set.report.items ?? []];
      return await contentResult({ parts, run, report: set.report, observedAt: set.observedAt, lists, accepted });
    },
  });
}

type Arriving = Pick<Batch, 'run' | 'dataset' | 'attempt' | 'try'>;
type ArrivalRead = { readonly kind: 'go'; readonly run: RunDocument; readonly head: HeadDocument } | { readonly kind: 'settled'; readonly outcome: Outcome };

/** What a majority of the database says of the run: only that may let a message go as too late. */
async function readArrival(parts: StorageParts, { run: id, dataset, try: attempts }: Arriving, { decided = false, isLast = true }: { readonly decided?: boolean; /** The attempt has nothing more to say. */ readonly isLast?: boolean } = {}): Promise<ArrivalRead> {
  const { database, history } = parts;
  const majority = { readConcern: { level: 'majority' } } as const;
  const [run, head] = await Promise.all([
    database.collections.runs.findOne({ _id: id }, majority),
    history.heads.findOne({ _id: dataset }, majority),
  ]);
  if (run === null) return { kind: 'settled', outcome: dead(`expected run ${id}; there is none`, { class: 'unknown_run' }) };
  const arrival = judgeArrival({ run, head, dataset, decided });
  if (arrival.kind === 'go' && head !== null) return { kind: 'go', run, head };
  if (arrival.kind !== 'drop') {
    const cancelled = await moveRun({ database, run: id, to: 'cancelled', set: { reason: 'job deleted', ...(isLast && run.attempts === attempts ? { lastReport: { try: attempts, at: database.clock.now() } } : {}) } });
    if (cancelled) announceRun(parts, cancelled);
  } else {
    parts.log.debug({ run: id, reason: arrival.reason }, 'a result came too late');
    if (isLast) await noteLastReport(parts, run, attempts);
  }
  return { kind: 'settled', outcome: done() };
}

/** Looks, decides, applies; and looks again when something moved meanwhile. */
async function settleResult(settling: Settling): Promise<Outcome> {
  return await settling.parts.turns.run(settling.report.dataset, () => settleInTurn(settling));
}

interface Settling {
  readonly parts: StorageParts;
  readonly report: Arriving;
  /** A text says why it can never be read; undefined, that it is not there (any more): another has settled it. */
  readonly read: (run: RunDocument) => Promise<Result | string | undefined>;
  readonly accepted?: boolean;
  /** Batches of the attempt are in the database, and go with its outcome (those of other attempts with the next sweep). */
  readonly kept?: boolean;
}

async function settleInTurn({ parts, report, read, accepted = false, kept = false }: Settling): Promise<Outcome> {
  for (let round = 0; round < rounds; round += 1) {
    const arrival = await readArrival(parts, report, { decided: accepted });
    if (arrival.kind !== 'go') return arrival.outcome;
    const result = await read(arrival.run);
    if (result === undefined) return done();
    if (typeof result === 'string') return dead(result, { class: 'unreadable' });
    const applied = await applySnapshot({ parts, result, head: arrival.head });
    if (applied.kind === 'moved') continue;
    const outcome = await conclude({ parts, report, result, applied, kept });
    if (outcome) return outcome;
  }
  throw new Error(`expected run ${report.run} to be applied within ${rounds} rounds; others were first each time`);
}

/** Undefined where the run moved meanwhile and it must be looked at anew. */
async function conclude({ parts, report, result, applied, kept }: { parts: StorageParts; report: Arriving; result: Result; applied: Exclude<Applied, { kind: 'moved' }>; kept: boolean }): Promise<Outcome | undefined> {
  const { run } = result;
  switch (applied.kind) {
    case 'applied':
      announceRun(parts, applied.run);
      if (kept) await dropBatches(parts, run._id);
      return done();
    case 'gate':
      return (await quarantineRun({ parts, result: applied.result, attempt: report.attempt, fault: applied.fault, counts: applied.counts })) ? done() : undefined;
    case 'stale':
      parts.log.debug({ run: run._id, jobVersion: result.jobVersion }, 'a result of an older definition came after its run was asked again with another');
      return done();
    case 'base gone':
      return await handleFailed({ parts, report: {
        run: run._id, try: report.try, attempt: report.attempt, class: 'stale_validators', requests: result.requests,
        message: 'the snapshot that the answer was compared with cannot be read any more, or is not what the collector remembered; the next try goes without validators',
      } });
    case 'too large':
      // Nothing but a person can help: the run ends now, from whatever state a result is taken in.
      return run.state === 'failed' || run.state === 'due' ? done() : (await failRun({ parts, run, failure: { class: 'snapshot_too_large', message: applied.message, requests: result.requests } })) ? done() : undefined;
  }
}

async function contentResult({ parts, run, report, observedAt, lists, ahead, accepted = false }: {
  parts: StorageParts; run: RunDocument; report: CompleteReport | ChangesReport; observedAt: Date; lists: readonly Batch['items'][]; ahead?: StateAhead; accepted?: boolean;
}): Promise<Result | string> {
  const revision = await parts.revisions(run.job, report.jobVersion);
  if (revision === null) return `expected version ${report.jobVersion} of job ${run.job}; there is none`;
  const { counts, extractionHash, requestHash, validators, warnings, request, requests } = report;
  const about = { received: counts.received, duplicates: counts.duplicates, extractionHash, requestHash, ...(validators ? { validators } : {}), ...(warnings ? { warnings } : {}) };
  const result = { run, dataset: report.dataset, jobVersion: report.jobVersion, observedAt, ...startOf(parts, report), definition: revision.definition, request, requests, accepted, ...(ahead ? { ahead } : {}) };
  if (report.kind === 'changes') {
    const read = changesOf(lists);
    return read.ok ? { ...result, saw: { ...about, kind: 'changes', base: report.base, changes: read.content, kept: counts.kept } } : read.reason;
  }
  const read = contentOf(lists);
  return read.ok ? { ...result, saw: { ...about, kind: 'content', content: read.content } } : read.reason;
}
