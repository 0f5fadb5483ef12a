import { positionOf } from '@gleaner/contracts';
import { atOneTime, moveRun, snapshotId, type ClientSession, type HeadDocument, type Known, type SnapshotDocument } from '@gleaner/database';
import type { ApplyPlan, Observation } from './core/applyPlan.ts';
import { judgeGate } from './core/judgeGate.ts';
import { placeSnapshot } from './core/placeSnapshot.ts';
import { planLate } from './core/planLate.ts';
import { changed, type Content } from './core/contentOf.ts';
import { planChanges, planNewest, type Hashes } from './core/planNewest.ts';
import { presentOf, repeatOf } from './core/repeatOf.ts';
import { catchUp, loadHashes } from './hashCache.ts';
import { historyView, readRowBefore, rowOf } from './historyView.ts';
import type { Applied, Result } from './result.ts';
import type { StorageParts } from './storageParts.ts';
import { writeKeyset } from './writeKeyset.ts';
import { countsOf, startOf, stateGuard, writeSnapshot } from './writeSnapshot.ts';

/**
 * Applies a result in one transaction, guarded by the run's state and the head's compare-and-set.
 * What it reads it reads before, at one `rev` (that of `head`, or a newer one); where that has moved on, `moved`.
 */
export async function applySnapshot({ parts, result, head }: { readonly parts: StorageParts; readonly result: Result; readonly head: HeadDocument }): Promise<Applied> {
  const { database } = parts;
  const { run } = result;
  const position = positionOf(result.observedAt, run._id);
  if (result.saw.kind === 'again' && result.saw.row && isJustAfter({ head, row: result.saw.row, position })) return await writeRepeat({ parts, result, head, position, base: result.saw.row, total: head.total ?? 0, newest: true });
  if (result.saw.kind === 'again') return await atOneTime({ database }, (session) => applyRepeat({ parts, result, position, session }));
  if (result.saw.kind === 'changes') return await applyChanges({ parts, result, saw: result.saw, head, position });
  const { content, extractionHash } = result.saw;
  if (content.size > parts.limits.items) return { kind: 'too large', message: `expected at most ${parts.limits.items} items in one snapshot; saw ${content.size}` };
  const placement = placeSnapshot({ head, position, jobVersion: result.jobVersion, extractionHash });
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
  const before = await hashesAt(parts, head);
  if (before === undefined) return { kind: 'moved' };
  const plan = await planNewest({ observation, before, epoch: head.epoch, others: () => currentItems(parts, head), limits: parts.limits.layout });
  return await judgeAndWrite({ parts, result, observation, head, plan, before: head.total ?? 0, definitionChanged });
}

/** Keys and hashes of the current items at the head's `rev`; undefined where that has moved on. */
async function hashesAt({ cache, history, database, onStep }: StorageParts, head: HeadDocument): Promise<Hashes | undefined> {
  const dataset = head._id;
  const held = cache.get(dataset, head.rev);
  if (held !== undefined) return held;
  if (head.position === undefined) {
    cache.put(dataset, head, new Map());
    return cache.get(dataset, head.rev);
  }
  const older = cache.take(dataset);
  const loaded = await atOneTime({ database }, async (session) => (older && (await catchUp({ history, session, dataset, older }))) ?? (await loadHashes({ history, session, dataset, onStep })));
  if (loaded.head === null) return undefined;
  cache.put(dataset, loaded.head, loaded.hashes);
  return loaded.head.rev === head.rev ? loaded.hashes : undefined;
}

/**
 * Applies what differs from another snapshot. Where that one is the newest, nothing but the changes is looked at; else, and where the gate wants to see every item
 * or has something against it, the whole content is put together from the history first, and goes the way of every content.
 */
async function applyChanges({ parts, result, saw, head, position }: { parts: StorageParts; result: Result; saw: Extract<Result['saw'], { kind: 'changes' }>; head: HeadDocument; position: string }): Promise<Applied> {
  const { history, database, limits } = parts;
  if (position < (head.horizon ?? '')) return await endWithoutSnapshot({ parts, result, reason: 'too_old' });
  const { gate } = result.definition;
  const isNext = head.run === saw.base && head.position !== undefined && position > head.position && head.extractionHash === saw.extractionHash;
  if (isNext && !gate?.required && saw.kept <= limits.items) {
    const before = await hashesAt(parts, head);
    if (before === undefined) return { kind: 'moved' };
    const plan = await planChanges({ position, saw: saw.changes, before, epoch: head.epoch, others: () => currentItems(parts, head), limits: limits.layout });
    if (plan.counts.total !== saw.kept) return { kind: 'base gone' };
    const fault = judgeGate({ gate, kept: saw.kept, items: [], before: head.total ?? 0, removed: plan.counts.removed, definitionChanged: false });
    if (!fault) return await writeSnapshot({ parts, result, head, plan, position, kept: saw.kept, kind: 'whole', definitionChanged: false });
  }
  const base = await atOneTime({ database }, async (session) => {
    const now = await history.heads.findOne({ _id: head._id }, { session });
    const row = await history.snapshots.findOne({ _id: snapshotId(head._id, saw.base) }, { session });
    if (now === null || row?.kind !== 'whole' || row.extractionHash !== saw.extractionHash || row.position < (now.horizon ?? '')) return undefined;
    return presentOf(await historyView({ history, session, head: now }).stateAt(row.position));
  });
  const content = base && changed(base, saw.changes);
  if (content?.size !== saw.kept) return { kind: 'base gone' };
  return await applySnapshot({ parts, result: { ...result, saw: { ...saw, kind: 'content', content } }, head });
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
  const placement = placeSnapshot({ head, position: observation.position, jobVersion: result.jobVersion, extractionHash: result.saw.extractionHash });
  if (placement.kind !== 'late') return { kind: 'moved' };
  const view = historyView({ history, session, head });
  const plan = await planLate({ observation, view });
  const rowBefore = await readRowBefore({ history, session, head, position: observation.position });
  const definitionChanged = rowBefore !== null && rowBefore.extractionHash !== result.saw.extractionHash;
  return await judgeAndWrite({ parts, result, observation, head, plan, before: rowBefore?.counts.total ?? 0, definitionChanged });
}

/** The usual case needs no more reading: what was seen again is the newest snapshot, and nothing came between. */
const isJustAfter = ({ head, row, position }: { head: HeadDocument; row: SnapshotDocument; position: string }): boolean =>
  head.run === row.run && head.position === row.position && position > row.position && head.extractionHash === row.extractionHash;

/** A row alone: the snapshot just before it was seen again. */
async function writeRepeat({ parts, result, head, position, base, total, newest }: { parts: StorageParts; result: Result; head: HeadDocument; position: string; base: SnapshotDocument; total: number; newest: boolean }): Promise<Applied> {
  const plan: ApplyPlan = { newest, counts: { added: 0, changed: 0, removed: 0, total }, generation: false, entries: [], drops: [], items: new Map(), itemSince: [], rows: new Map() };
  return await writeSnapshot({ parts, result, head, plan, position, base, kept: base.counts.kept, kind: base.kind, ...(base.keys === undefined ? {} : { keys: base.keys }), definitionChanged: false });
}

/** `unchanged`: the observation of another snapshot, made again; a row alone where that is the one just before. */
async function applyRepeat({ parts, result, position, session }: { parts: StorageParts; result: Result; position: string; session: ClientSession }): Promise<Applied> {
  const { history, limits } = parts;
  const { dataset, saw } = result;
  const head = await history.heads.findOne({ _id: dataset }, { session });
  if (saw.kind !== 'again' || head === null || head.deleted) return { kind: 'moved' };
  const base = await history.snapshots.findOne({ _id: snapshotId(dataset, saw.base) }, { session });
  const horizon = head.horizon ?? '';
  if (position < horizon) return await endWithoutSnapshot({ parts, result, reason: 'too_old' });
  if (base === null || base.position < horizon) return { kind: 'base gone' };
  const placement = placeSnapshot({ head, position, jobVersion: result.jobVersion, extractionHash: base.extractionHash });
  if (placement.kind === 'nowhere') return await endWithoutSnapshot({ parts, result, reason: placement.reason });
  const view = historyView({ history, session, head });
  const rowBefore = await readRowBefore({ history, session, head, position });
  const content = await repeatOf({ base: rowOf(base), rowBefore: rowBefore ? rowOf(rowBefore) : undefined, view });
  if (content === undefined) return await writeRepeat({ parts, result, head, position, base, total: rowBefore?.counts.total ?? 0, newest: placement.kind === 'newest' });
  const observation: Observation = { position, kind: base.kind, content };
  const plan = placement.kind === 'late'
    ? await planLate({ observation, view })
    : await planNewest({ observation, before: (await loadHashes({ history, session, dataset })).hashes, epoch: head.epoch, others: () => currentItems(parts, head), limits: limits.layout });
  const definitionChanged = placement.kind === 'newest' ? placement.definitionChanged : rowBefore !== null && rowBefore.extractionHash !== base.extractionHash;
  if (!result.accepted) {
    const fault = judgeGate({ gate: result.definition.gate, kept: content.size, items: content, before: rowBefore?.counts.total ?? 0, removed: plan.counts.removed, definitionChanged });
    if (fault) return { kind: 'gate', fault, counts: countsOf({ result, plan, kept: content.size }), result: { ...result, saw: seenAgain(base, content) } };
  }
  return await writeSnapshot({ parts, result, head, plan, position, base, kept: content.size, kind: base.kind, ...(base.keys === undefined ? {} : { keys: base.keys }), definitionChanged });
}

/** A snapshot seen again as if its items had come along: put aside, it needs no other snapshot. */
const seenAgain = ({ extractionHash, requestHash, validators }: SnapshotDocument, content: Content): Extract<Result['saw'], { kind: 'content' }> =>
  ({ kind: 'content', content, received: content.size, duplicates: 0, extractionHash, requestHash, ...(validators ? { validators } : {}) });

async function judgeAndWrite({ parts, result, observation, head, plan, before, definitionChanged }: Placed & { head: HeadDocument; plan: ApplyPlan; before: number; definitionChanged: boolean }): Promise<Applied> {
  const { content, kind, position } = observation;
  if (!result.accepted) {
    const fault = judgeGate({ gate: result.definition.gate, kept: content.size, items: content, before, removed: plan.counts.removed, definitionChanged });
    if (fault) return { kind: 'gate', fault, counts: countsOf({ result, plan, kept: content.size }), result };
  }
  const keys = kind === 'partial' ? await writeKeyset({ history: parts.history, dataset: result.dataset, keys: content.keys(), now: parts.database.clock.now() }) : undefined;
  return await writeSnapshot({ parts, result, head, plan, position, kept: content.size, kind, ...(keys === undefined ? {} : { keys }), definitionChanged });
}

/** The result has no place in the history any more: the run has succeeded all the same, and says why there is no snapshot. */
async function endWithoutSnapshot({ parts: { database }, result, reason }: { parts: StorageParts; result: Result; reason: 'too_old' | 'stale_definition' }): Promise<Applied> {
  const { run, requests, observedAt } = result;
  if (reason === 'stale_definition' && result.jobVersion < run.jobVersion && !result.accepted) return { kind: 'stale' };
  const ended = await moveRun({ database, run: run._id, to: 'succeeded', where: stateGuard(result), set: { reason, requests, observedAt, ...startOf(result) }, unset: ['error'] });
  return ended ? { kind: 'applied', run: ended } : { kind: 'moved' };
}

