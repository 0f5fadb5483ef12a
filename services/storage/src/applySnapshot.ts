import { positionOf, type JobDefinition, type RequestFacts, type Validators } from '@gleaner/contracts';
import {
  atOneTime, isDuplicateKey, moveRun, snapshotId, type ClientSession, type HeadDocument, type Known, type RunDocument, type SnapshotCounts, type SnapshotDocument,
} from '@gleaner/database';
import type { ApplyPlan, Observation } from './core/applyPlan.ts';
import { plannedWrites } from './core/applyPlan.ts';
import { judgeGate, type GateFault } from './core/judgeGate.ts';
import { placeSnapshot } from './core/placeSnapshot.ts';
import { planLate } from './core/planLate.ts';
import { planNewest } from './core/planNewest.ts';
import { repeatOf } from './core/repeatOf.ts';
import { loadHashes } from './hashCache.ts';
import { historyView, rowOf } from './historyView.ts';
import type { StorageParts } from './storageParts.ts';
import { touchKeyset, writeKeyset } from './writeKeyset.ts';
import { writePlan } from './writePlan.ts';
import { writeState } from './writeState.ts';

/** A result of a run that may be applied: what it saw, or which snapshot it saw again. */
export interface Result {
  readonly run: RunDocument;
  readonly dataset: string;
  readonly observedAt: Date;
  readonly definition: Pick<JobDefinition, 'partial' | 'gate'>;
  readonly request: RequestFacts;
  readonly requests: number;
  readonly saw:
    | { readonly kind: 'content'; readonly content: Observation['content']; readonly received: number; readonly duplicates: number; readonly extractionHash: string; readonly requestHash: string; readonly validators?: Omit<Validators, 'run'>; readonly warnings?: readonly string[] }
    | { readonly kind: 'again'; readonly base: string };
  /** A person has accepted it: the gate is open. */
  readonly accepted?: boolean;
}

export type Applied =
  | { readonly kind: 'applied'; readonly run: RunDocument }
  | { readonly kind: 'gate'; readonly fault: GateFault; readonly counts: SnapshotCounts }
  | { readonly kind: 'too large'; readonly message: string }
  /** The snapshot seen again cannot be read any more. */
  | { readonly kind: 'base gone' }
  /** The run, the dataset or the history moved meanwhile: look again and decide anew. */
  | { readonly kind: 'moved' };

/** Another writer was first: nothing of this transaction stands. */
class LostRace extends Error {}

/**
 * Applies a result in one transaction that begins with the head's compare-and-set and ends with the run's state.
 * What it reads it reads before, at one `rev` (that of `head`, or a newer one); where that has moved on, `moved`.
 */
export async function applySnapshot({ parts, result, head }: { readonly parts: StorageParts; readonly result: Result; readonly head: HeadDocument }): Promise<Applied> {
  const { database } = parts;
  const { run } = result;
  const position = positionOf(result.observedAt, run._id);
  if (result.saw.kind === 'again') return await atOneTime({ database }, (session) => applyRepeat({ parts, result, position, session }));
  const { content, extractionHash } = result.saw;
  if (content.size > parts.limits.items) return { kind: 'too large', message: `expected at most ${parts.limits.items} items in one snapshot; saw ${content.size}` };
  const placement = placeSnapshot({ head, position, jobVersion: run.jobVersion, extractionHash });
  if (placement.kind === 'nowhere') return await endWithoutSnapshot({ parts, result, reason: placement.reason });
  const observation: Observation = { position, kind: result.definition.partial ? 'partial' : 'whole', content };
  if (placement.kind === 'newest') return await applyNewest({ parts, result, observation, head, definitionChanged: placement.definitionChanged });
  return await atOneTime({ database }, (session) => applyLate({ parts, result, observation, session }));
}

interface Placed {
  readonly parts: StorageParts;
  readonly result: Result;
  readonly observation: Observation;
}

async function applyNewest({ parts, result, observation, head, definitionChanged }: Placed & { readonly head: HeadDocument; readonly definitionChanged: boolean }): Promise<Applied> {
  const { cache, history, database, limits } = parts;
  const { dataset } = result;
  let before = cache.get(dataset, head.rev);
  if (before === undefined && head.position === undefined) {
    before = new Map();
    cache.put(dataset, head.rev, before);
  } else if (before === undefined) {
    const loaded = await atOneTime({ database }, (session) => loadHashes({ history, session, dataset }));
    if (loaded.head?.rev !== head.rev) return { kind: 'moved' };
    before = loaded.hashes;
    cache.put(dataset, head.rev, before);
  }
  const plan = await planNewest({ observation, before, epoch: head.epoch, others: () => currentItems(parts, head), limits: limits.layout });
  return await judgeAndWrite({ parts, result, observation, head, plan, before: head.total ?? 0, definitionChanged });
}

/** Reads with data what a partial snapshot did not see, for the keyframe of a new epoch. */
async function currentItems({ history }: StorageParts, head: HeadDocument): Promise<ReadonlyMap<string, Known>> {
  const items = new Map<string, Known>();
  for await (const { key, hash, since, data } of history.items.find({ _id: { $gte: `${head.generation}.`, $lt: `${head.generation}/` } }, { batchSize: 10_000, readConcern: { level: 'majority' } }))
    items.set(key, { hash, since, data });
  return items;
}

async function applyLate({ parts, result, observation, session }: Placed & { readonly session: ClientSession }): Promise<Applied> {
  const { history } = parts;
  const head = await history.heads.findOne({ _id: result.dataset }, { session });
  if (head?.position === undefined || head.deleted || result.saw.kind !== 'content') return { kind: 'moved' };
  const placement = placeSnapshot({ head, position: observation.position, jobVersion: result.run.jobVersion, extractionHash: result.saw.extractionHash });
  if (placement.kind !== 'late') return { kind: 'moved' };
  const view = historyView({ history, session, head });
  const plan = await planLate({ observation, view });
  const rowBefore = await history.snapshots.findOne({ dataset: result.dataset, position: { ...(head.horizon ? { $gte: head.horizon } : {}), $lt: observation.position } }, { sort: { position: -1 }, session });
  const definitionChanged = rowBefore !== null && rowBefore.extractionHash !== result.saw.extractionHash;
  return await judgeAndWrite({ parts, result, observation, head, plan, before: rowBefore?.counts.total ?? 0, definitionChanged });
}

/** `unchanged`: the observation of another snapshot, made again; a row alone where that is the one just before. */
async function applyRepeat({ parts, result, position, session }: { parts: StorageParts; result: Result; position: string; session: ClientSession }): Promise<Applied> {
  const { history, limits } = parts;
  const { dataset, run, saw } = result;
  const head = await history.heads.findOne({ _id: dataset }, { session });
  if (saw.kind !== 'again' || head === null || head.deleted) return { kind: 'moved' };
  const base = await history.snapshots.findOne({ _id: snapshotId(dataset, saw.base) }, { session });
  const horizon = head.horizon ?? '';
  if (position < horizon) return await endWithoutSnapshot({ parts, result, reason: 'too_old' });
  if (base === null || base.position < horizon) return { kind: 'base gone' };
  const placement = placeSnapshot({ head, position, jobVersion: run.jobVersion, extractionHash: base.extractionHash });
  if (placement.kind === 'nowhere') return await endWithoutSnapshot({ parts, result, reason: placement.reason });
  const view = historyView({ history, session, head });
  const rowBefore = await view.rowBefore(position);
  const content = await repeatOf({ base: rowOf(base), rowBefore, view });
  if (content === undefined) {
    const plan: ApplyPlan = {
      newest: placement.kind === 'newest', counts: { added: 0, changed: 0, removed: 0, total: rowBefore?.total ?? 0 }, generation: false,
      entries: [], drops: [], items: new Map(), itemSince: [], rows: new Map(),
    };
    return await write({ parts, result, head, plan, position, base, kept: base.counts.kept, kind: base.kind, ...(base.keys === undefined ? {} : { keys: base.keys }), definitionChanged: false });
  }
  const observation: Observation = { position, kind: base.kind, content };
  const plan = placement.kind === 'late'
    ? await planLate({ observation, view })
    : await planNewest({ observation, before: (await loadHashes({ history, session, dataset })).hashes, epoch: head.epoch, others: () => currentItems(parts, head), limits: limits.layout });
  return await write({ parts, result, head, plan, position, base, kept: content.size, kind: base.kind, ...(base.keys === undefined ? {} : { keys: base.keys }), definitionChanged: placement.definitionChanged });
}

async function judgeAndWrite({ parts, result, observation, head, plan, before, definitionChanged }: Placed & { head: HeadDocument; plan: ApplyPlan; before: number; definitionChanged: boolean }): Promise<Applied> {
  const { content, kind, position } = observation;
  if (!result.accepted) {
    const fault = judgeGate({ gate: result.definition.gate, content, before, removed: plan.counts.removed, definitionChanged });
    if (fault) return { kind: 'gate', fault, counts: countsOf({ result, plan, kept: content.size }) };
  }
  const keys = kind === 'partial' ? await writeKeyset({ history: parts.history, dataset: result.dataset, keys: content.keys(), now: parts.database.clock.now() }) : undefined;
  return await write({ parts, result, head, plan, position, kept: content.size, kind, ...(keys === undefined ? {} : { keys }), definitionChanged });
}

const countsOf = ({ result: { saw }, plan: { counts }, kept }: { result: Result; plan: ApplyPlan; kept: number }): SnapshotCounts => ({
  received: saw.kind === 'content' ? saw.received : kept, kept, ...counts, unchanged: kept - counts.added - counts.changed,
  ...(saw.kind === 'content' && saw.duplicates > 0 ? { duplicates: saw.duplicates } : {}),
});

async function write({ parts, result, head, plan, position, base, kept, kind, keys, definitionChanged }: {
  parts: StorageParts; result: Result; head: HeadDocument; plan: ApplyPlan; position: string; base?: SnapshotDocument; kept: number; kind: 'whole' | 'partial'; keys?: string; definitionChanged: boolean;
}): Promise<Applied> {
  const { history, database, cache, limits, newId, onStep } = parts;
  const { run, dataset, saw } = result;
  const writes = plannedWrites(plan);
  if (writes > limits.writes) return { kind: 'too large', message: `expected at most ${limits.writes} changes in one transaction; this snapshot needs ${writes}` };
  const rev = head.rev + 1;
  const counts = countsOf({ result, plan, kept });
  const origin = saw.kind === 'content' ? saw : base;
  const validators = origin?.validators;
  const id = newId();
  const state = plan.epoch && { database, id, dataset, items: plan.epoch.items, generation: plan.generation, now: database.clock.now() };
  await onStep?.('before the state is written');
  const early = state && state.items.length > limits.writeBefore ? await writeState(state) : undefined;
  const row: SnapshotDocument = {
    _id: snapshotId(dataset, run._id), dataset, job: run.job, run: run._id, position, observedAt: result.observedAt, kind, ...(keys === undefined ? {} : { keys }),
    ...(saw.kind === 'again' ? { sameAs: saw.base } : {}), ...(definitionChanged ? { cause: 'definition' as const } : {}),
    jobVersion: run.jobVersion, extractionHash: origin?.extractionHash ?? '', requestHash: origin?.requestHash ?? '', ...(validators ? { validators } : {}),
    counts, request: result.request, appliedRev: rev, ...(plan.epoch ? { epoch: id } : {}),
  };
  await onStep?.('before the transaction');
  let moved: RunDocument | null;
  try {
    moved = await database.transaction(async (session) => {
      const { matchedCount } = await history.heads.updateOne(
        { _id: dataset, rev: head.rev, deleted: { $exists: false } }, headUpdate({ head, plan, row, rev, epochId: id }), { session });
      if (matchedCount === 0) throw new LostRace();
      if (state) {
        const { blocks } = early ?? await writeState({ ...state, session });
        await history.epochs.insertOne({ _id: id, dataset, position, items: state.items.length, blocks }, { session });
      }
      if (keys !== undefined && !(await touchKeyset({ history, session, dataset, name: keys, now: database.clock.now() }))) throw new LostRace();
      await history.snapshots.insertOne(row, { session });
      await writePlan({ history, session, dataset, generation: plan.generation ? id : head.generation ?? id, plan });
      await onStep?.('before the run moves');
      const ended = await endRun({ parts, result, session, counts, definitionChanged });
      if (ended === null) throw new LostRace();
      await onStep?.('before the commit');
      return ended;
    });
  } catch (error) {
    cache.drop(dataset);
    if (error instanceof LostRace || isDuplicateKey(error)) return { kind: 'moved' };
    if (isTooLarge(error)) return { kind: 'too large', message: `the database refused a transaction of ${writes} changes: ${error instanceof Error ? error.message : String(error)}` };
    throw error;
  }
  cache.advance(dataset, head.rev, plan);
  await onStep?.('after the commit');
  return { kind: 'applied', run: moved };
}

/** TransactionTooLarge, ExceededTimeLimit of the transaction's life, BSONObjectTooLarge: the same again would end the same. */
const tooLargeCodes: ReadonlySet<unknown> = new Set([257, 10334, 17419, 17420]);
const isTooLarge = (error: unknown): boolean => error instanceof Error && 'code' in error && tooLargeCodes.has(error.code);

function headUpdate({ head, plan, row, rev, epochId }: { head: HeadDocument; plan: ApplyPlan; row: SnapshotDocument; rev: number; epochId: string }): { readonly $set: Record<string, unknown>; readonly $unset?: Record<string, true> } {
  const { position, validators } = row;
  const set: Record<string, unknown> = { rev, snapshots: (head.snapshots ?? 0) + 1 };
  if (head.first === undefined || position < head.first) set['first'] = position;
  const logged = plan.entries.filter(({ epoch }) => epoch === head.epoch?.id).length;
  if (!plan.newest) {
    const last = plan.rows.get(head.position ?? '');
    if (last) set['total'] = (head.total ?? 0) + last.total;
    if (head.epoch && logged > 0) set['epoch.entries'] = head.epoch.entries + logged;
    return { $set: set };
  }
  Object.assign(set, {
    position, run: row.run, observedAt: row.observedAt, total: plan.counts.total, counts: row.counts,
    extractionHash: row.extractionHash, requestHash: row.requestHash, jobVersion: row.jobVersion,
    ...(plan.epoch ? { epoch: { id: epochId, position, entries: 0 } } : logged > 0 && head.epoch ? { 'epoch.entries': head.epoch.entries + logged } : {}),
    ...(plan.generation ? { generation: epochId } : {}),
    ...(validators ? { validators: { ...validators, run: row.run } } : {}),
  });
  return { $set: set, ...(validators ? {} : { $unset: { validators: true } }) };
}

/** The last write of the transaction; null where the run's state no longer allows it. */
async function endRun({ parts: { database }, result, session, counts, definitionChanged }: { parts: StorageParts; result: Result; session: ClientSession; counts: SnapshotCounts; definitionChanged: boolean }): Promise<RunDocument | null> {
  const { run, saw, observedAt, requests } = result;
  const ended = await moveRun({
    database, session, run: run._id, to: saw.kind === 'again' ? 'unchanged' : 'succeeded', where: stateGuard(result),
    set: {
      counts, requests, snapshot: run._id, observedAt, ...(definitionChanged ? { cause: 'definition' } : {}),
      ...(saw.kind === 'content' && saw.warnings && saw.warnings.length > 0 ? { warnings: saw.warnings } : {}),
    },
    unset: ['error', 'reason'],
  });
  if (ended && run.letter !== undefined) await database.collections.deadLetters.updateMany({ run: run._id, state: 'parked' }, { $set: { state: 'superseded' } }, { session });
  return ended;
}

/** A quarantined run is moved by its decision only, and no other result takes its place. */
const stateGuard = ({ accepted }: Result): Record<string, unknown> =>
  ({ $and: accepted ? [{ state: 'quarantined' }, { 'decision.accept': true }] : [{ state: { $ne: 'quarantined' } }] });

/** The result has no place in the history any more: the run has succeeded all the same, and says why there is no snapshot. */
async function endWithoutSnapshot({ parts: { database }, result, reason }: { parts: StorageParts; result: Result; reason: 'too_old' | 'stale_definition' }): Promise<Applied> {
  const { run, requests, observedAt } = result;
  const ended = await moveRun({ database, run: run._id, to: 'succeeded', where: stateGuard(result), set: { reason, requests, observedAt }, unset: ['error'] });
  return ended ? { kind: 'applied', run: ended } : { kind: 'moved' };
}

