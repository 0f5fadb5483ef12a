import { moveRun, snapshotId, isDuplicateKey, type ClientSession, type HeadDocument, type RunDocument, type SnapshotCounts, type SnapshotDocument } from '@gleaner/database';
import { endedByGate } from './core/judgeArrival.ts';
import { knownBytes, plannedBytes, plannedWrites, type ApplyPlan } from './core/applyPlan.ts';
import type { Applied, Result } from './result.ts';
import type { StorageParts } from './storageParts.ts';
import { touchKeyset } from './writeKeyset.ts';
import { writePlan } from './writePlan.ts';
import { nameState, writeState } from './writeState.ts';

/** Another writer was first: nothing of this transaction stands. */
class LostRace extends Error {}

/** What a snapshot's row and its run count. */
export const countsOf = ({ result: { saw }, plan: { counts }, kept }: { result: Result; plan: ApplyPlan; kept: number }): SnapshotCounts => ({
  received: saw.kind === 'again' ? kept : saw.received, kept, ...counts, unchanged: kept - counts.added - counts.changed,
  ...(saw.kind !== 'again' && saw.duplicates > 0 ? { duplicates: saw.duplicates } : {}),
});

/** Writes a planned snapshot in one transaction: the run's state, the head's compare-and-set, and what the plan says. */
export async function writeSnapshot({ parts, result, head, plan, position, base, kept, kind, keys, definitionChanged }: {
  parts: StorageParts; result: Result; head: HeadDocument; plan: ApplyPlan; position: string; base?: SnapshotDocument; kept: number; kind: 'whole' | 'partial'; keys?: string; definitionChanged: boolean;
}): Promise<Applied> {
  const { history, database, cache, limits, newId, onStep } = parts;
  const { run, dataset, saw } = result;
  const writes = plannedWrites(plan);
  if (writes > limits.writes) return { kind: 'too large', message: `expected at most ${limits.writes} changes in one transaction; this snapshot needs ${writes}` };
  const bytes = plannedBytes(plan);
  if (bytes > limits.bytes) return { kind: 'too large', message: `expected about ${limits.bytes} bytes of changes at most in one transaction; this snapshot needs ${bytes}` };
  const rev = head.rev + 1;
  const counts = countsOf({ result, plan, kept });
  const origin = saw.kind === 'again' ? base : saw;
  const validators = origin?.validators;
  await onStep?.('before the state is written');
  const ahead = plan.epoch && plan.generation ? await result.ahead?.finish(plan.epoch.items) : undefined;
  const id = ahead?.id ?? newId();
  const state = plan.epoch && { database, id, dataset, items: plan.epoch.items, generation: plan.generation, now: database.clock.now() };
  const stateBytes = knownBytes(plan.epoch?.items ?? []);
  const early = ahead ?? (state && (state.items.length > limits.writeBefore || stateBytes > limits.writeBeforeBytes) ? await writeState(state) : undefined);
  const row: SnapshotDocument = {
    _id: snapshotId(dataset, run._id), dataset, job: run.job, run: run._id, position, observedAt: result.observedAt, kind, ...(keys === undefined ? {} : { keys }),
    ...(saw.kind === 'again' ? { sameAs: saw.base } : {}), ...(definitionChanged ? { cause: 'definition' as const } : {}),
    jobVersion: result.jobVersion, extractionHash: origin?.extractionHash ?? '', requestHash: origin?.requestHash ?? '', ...(validators ? { validators } : {}),
    counts, request: result.request, appliedRev: rev, ...(plan.epoch ? { epoch: id } : {}),
  };
  await onStep?.('before the transaction');
  let moved: RunDocument | null;
  try {
    moved = await database.transaction(async (session) => {
      // The run first: the leader notes that its tick is published some 20 ms after, which is when a small result comes, and what somebody else writes to a
      // document after a transaction has begun ends that transaction at its own write. So the note waits for it, and all of this is not done a second time.
      const ended = await endRun({ parts, result, session, counts, definitionChanged });
      if (ended === null) throw new LostRace();
      await onStep?.('in the transaction');
      const { matchedCount } = await history.heads.updateOne(
        { _id: dataset, rev: head.rev, deleted: { $exists: false } }, headUpdate({ head, plan, row, rev, epoch: { id, position, entries: 0, bytes: 0, stateBytes } }), { session });
      if (matchedCount === 0) throw new LostRace();
      if (state) {
        if (early && !(await nameState({ history, session, id, generation: plan.generation }))) throw new LostRace();
        const { blocks } = early ?? await writeState({ ...state, session });
        if (plan.generation && head.generation !== undefined) await history.generations.updateOne({ _id: head.generation }, { $set: { state: 'replaced' } }, { session });
        await history.epochs.insertOne({ _id: id, dataset, position, items: state.items.length, blocks }, { session });
      }
      if (keys !== undefined && !(await touchKeyset({ history, session, dataset, name: keys, now: database.clock.now() }))) throw new LostRace();
      await history.snapshots.insertOne(row, { session });
      await writePlan({ history, session, dataset, generation: plan.generation ? id : head.generation ?? id, plan });
      await onStep?.('before the commit');
      return ended;
    });
  } catch (error) {
    if (error instanceof LostRace || isDuplicateKey(error)) return { kind: 'moved' };
    if (isTooSlow(error, { writes, bytes })) return { kind: 'too large', message: `expected ${writes} changes (about ${bytes} bytes) to be written within the time that the database gives a transaction (transactionLifetimeLimitSeconds, 60 s by default); it ended the transaction each time: ${error instanceof Error ? error.message : String(error)}` };
    if (isTooLarge(error)) return { kind: 'too large', message: `the database refused a transaction of ${writes} changes: ${error instanceof Error ? error.message : String(error)}` };
    throw error;
  }
  const epoch = plan.newest && plan.epoch ? { id, position, entries: 0, bytes: 0, stateBytes } : head.epoch;
  const [at, generation] = [plan.newest ? position : head.position, plan.generation ? id : head.generation];
  cache.advance(dataset, head.rev, { rev, ...(at === undefined ? {} : { position: at }), ...(generation === undefined ? {} : { generation }), ...(epoch === undefined ? {} : { epoch }) }, plan);
  await onStep?.('after the commit');
  return { kind: 'applied', run: moved };
}

/**
 * NoSuchTransaction, TransactionExceededLifetimeLimitSeconds: the server ended it. The driver has repeated it for two minutes before it says so,
 * so a large one was ended each time, because it takes longer than the server lets a transaction live.
 */
const endedCodes: ReadonlySet<unknown> = new Set([251, 290]);
const [manyWrites, manyBytes] = [1_000, 16 * 1024 ** 2];
const isTooSlow = (error: unknown, { writes, bytes }: { readonly writes: number; readonly bytes: number }): boolean => (writes > manyWrites || bytes > manyBytes) && error instanceof Error && 'code' in error && endedCodes.has(error.code);

/** TransactionTooLarge, TransactionTooLargeForCache, BSONObjectTooLarge and its like: the same again would end the same. */
const tooLargeCodes: ReadonlySet<unknown> = new Set([257, 388, 10334, 17419, 17420]);
const isTooLarge = (error: unknown): boolean => error instanceof Error && 'code' in error && tooLargeCodes.has(error.code);

function headUpdate({ head, plan, row, rev, epoch }: { head: HeadDocument; plan: ApplyPlan; row: SnapshotDocument; rev: number; /** Where the plan begins one. */ epoch: NonNullable<HeadDocument['epoch']> }): { readonly $set: Record<string, unknown>; readonly $unset?: Record<string, true> } {
  const { position, validators } = row;
  const set: Record<string, unknown> = { rev, snapshots: (head.snapshots ?? 0) + 1 };
  if (head.first === undefined || position < head.first) set['first'] = position;
  const logged = plan.entries.flatMap(({ epoch: id, known }) => (id === head.epoch?.id ? [known] : []));
  const longer = head.epoch && logged.length > 0 ? { 'epoch.entries': head.epoch.entries + logged.length, 'epoch.bytes': (head.epoch.bytes ?? 0) + knownBytes(logged) } : {};
  if (!plan.newest) {
    const last = plan.rows.get(head.position ?? '');
    if (last) set['total'] = (head.total ?? 0) + last.total;
    return { $set: { ...set, ...longer } };
  }
  Object.assign(set, {
    position, run: row.run, observedAt: row.observedAt, total: plan.counts.total, counts: row.counts,
    extractionHash: row.extractionHash, requestHash: row.requestHash, jobVersion: Math.max(head.jobVersion ?? 0, row.jobVersion),
    ...(plan.epoch ? { epoch } : longer),
    ...(plan.generation ? { generation: epoch.id } : {}),
    ...(validators ? { validators: { ...validators, run: row.run } } : {}),
  });
  return { $set: set, ...(validators ? {} : { $unset: { validators: true } }) };
}

/** Null where the run's state no longer allows it. */
async function endRun({ parts: { database }, result, session, counts, definitionChanged }: { parts: StorageParts; result: Result; session: ClientSession; counts: SnapshotCounts; definitionChanged: boolean }): Promise<RunDocument | null> {
  const { run, saw, observedAt, requests } = result;
  const ended = await moveRun({
    database, session, run: run._id, to: saw.kind === 'again' ? 'unchanged' : 'succeeded', where: stateGuard(result),
    set: {
      counts, requests, snapshot: run._id, observedAt, ...startOf(result), ...(definitionChanged ? { cause: 'definition' } : {}),
      ...(saw.kind !== 'again' && saw.warnings && saw.warnings.length > 0 ? { warnings: saw.warnings } : {}),
    },
    unset: ['error', 'reason'],
  });
  if (ended && run.letter !== undefined) await database.collections.deadLetters.updateMany({ run: run._id, state: 'parked' }, { $set: { state: 'superseded' } }, { session });
  return ended;
}

/** Of a run that ended before its beginning was told. */
export const startOf = ({ run, startedAt }: Result): { readonly startedAt?: Date } => (startedAt === undefined || run.startedAt !== undefined ? {} : { startedAt });

/** A quarantined run is moved by its decision only, and neither then nor after it was rejected does another result take its place. */
export const stateGuard = ({ accepted }: Result): Record<string, unknown> =>
  ({ $and: accepted ? [{ state: 'quarantined' }, { 'decision.accept': true }] : [{ state: { $ne: 'quarantined' } }, { reason: { $nin: [...endedByGate] } }] });

