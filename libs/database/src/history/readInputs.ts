import { compilePath, parsePath, type RunInputs } from '@gleaner/contracts';
import type { Database } from '../connectDatabase.ts';
import { findDataset } from '../jobs.ts';
import { diffMoments } from './diffMoments.ts';
import { historyCollectionsOf } from './historyCollections.ts';
import { HistoryError } from './HistoryError.ts';
import { readItems } from './readItems.ts';
import { readHead, readSnapshot } from './readSnapshots.ts';

/** What a run may take along, because its tick carries it. */
const inputLimits = { entries: 1_000, bytes: 256 * 1024, triggerItems: 100 } as const;

export type ForEachInput = { readonly ok: true; readonly values: readonly string[] } | { readonly ok: false; readonly reason: 'no input' | 'input_too_large' };

/** What was read, and of which state of the dataset: read again while that is the same, it would be the same. */
export interface ForEachRead {
  readonly input: ForEachInput;
  readonly of?: { readonly dataset: string; readonly position: string; readonly rev: number };
}

/** The values of a field over another job's latest snapshot, each once, in the order of its items' keys; never a part of them. `before` is what the last read of them brought. */
export async function readForEach({ database, job, field, before }: { readonly database: Database; readonly job: string; readonly field: string; readonly before?: ForEachRead | undefined }): Promise<ForEachRead> {
  const dataset = await findDataset({ database, id: job });
  if (dataset === undefined) return { input: { ok: false, reason: 'no input' } };
  if (before?.of?.dataset === dataset) {
    const head = await historyCollectionsOf(database.db).heads.findOne({ _id: dataset }, { projection: { position: 1, rev: 1, deleted: 1 } });
    if (head !== null && !head.deleted && head.position === before.of.position && head.rev === before.of.rev) return before;
  }
  const read = compilePath(parsePath(field));
  const values = new Set<string>();
  let bytes = 0;
  let after: string | undefined;
  let pinned: { position: string; rev: number } | undefined;
  try {
    do {
      const page = await readItems({ database, dataset, limit: inputLimits.entries, after, pinned });
      if (page.position === undefined) return { input: { ok: false, reason: 'no input' } };
      pinned = { position: page.position, rev: page.rev };
      for (const item of page.items) {
        const value = textOf(read(item.data));
        if (value === undefined || values.has(value)) continue;
        values.add(value);
        bytes += Buffer.byteLength(value);
        if (values.size > inputLimits.entries || bytes > inputLimits.bytes) return { input: { ok: false, reason: 'input_too_large' }, of: { dataset, ...pinned } };
      }
      after = page.next;
    } while (after !== undefined);
  } catch (error) {
    // Swept or rewritten while it was read: the run is asked again, as it is for any passing trouble.
    if (error instanceof HistoryError && error.code === 'no_dataset') return { input: { ok: false, reason: 'no input' } };
    throw error;
  }
  return { input: { ok: true, values: [...values] }, ...(pinned ? { of: { dataset, ...pinned } } : {}) };
}

type Trigger = NonNullable<RunInputs['trigger']>;
type Parent = { readonly database: Database; readonly dataset: string };

/** What a run brought: its added and changed items (the first 100 by key); none where its snapshot cannot be read any more. */
export async function readTriggerItems({ database, dataset, run }: Parent & { readonly run: string }): Promise<Trigger> {
  return triggerOf(run, await readable(async () => {
    const row = await readSnapshot({ database, dataset, run });
    return row === null ? [] : await changesOf({ database, dataset, run, position: row.position });
  }));
}

/**
 * What a run after this dataset's newest one might take, to see what becomes of it: what that run brought or, where that is nothing, the first items that there are.
 * Undefined where nothing was gathered yet.
 */
export async function readLikelyTrigger({ database, dataset }: Parent): Promise<Trigger | undefined> {
  const run = (await readHead({ database, dataset }))?.run;
  if (run === undefined) return undefined;
  const brought = await readTriggerItems({ database, dataset, run });
  return brought.items.length > 0 ? brought : triggerOf(run, await readable(async () => await firstItems({ database, dataset, run })));
}

const triggerOf = (run: string, items: readonly unknown[]): Trigger => {
  const kept = withinBytes(items);
  return { run, items: kept, ...(kept.length > 0 ? { item: kept[0] } : {}) };
};

/** What was read; nothing where it is swept or rewritten meanwhile. */
async function readable(read: () => Promise<readonly unknown[]>): Promise<readonly unknown[]> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    return [];
  }
}

const firstItems = async ({ database, dataset, run }: Parent & { readonly run: string }): Promise<readonly unknown[]> =>
  (await readItems({ database, dataset, run, limit: inputLimits.triggerItems })).items.map(({ data }) => data);

async function changesOf({ database, dataset, run, position }: Parent & { readonly run: string; readonly position: string }): Promise<readonly unknown[]> {
  const { snapshots, heads } = historyCollectionsOf(database.db);
  const before = await snapshots.findOne({ dataset, position: { $lt: position } }, { projection: { run: 1 }, sort: { position: -1 } });
  // Read after the row before: where retention has taken that one, the horizon tells. What the oldest readable snapshot changed nobody knows any more.
  const head = await heads.findOne({ _id: dataset }, { projection: { horizon: 1 } });
  if (position <= (head?.horizon ?? '')) return [];
  if (before === null) return await firstItems({ database, dataset, run });
  const found: unknown[] = [];
  let after: string | undefined;
  do {
    const page = await diffMoments({ database, dataset, from: { run: before.run }, to: { run }, after, limit: inputLimits.triggerItems });
    for (const difference of page.differences) if (difference.kind !== 'removed' && found.length < inputLimits.triggerItems) found.push(difference.after);
    after = page.next;
  } while (after !== undefined && found.length < inputLimits.triggerItems);
  return found;
}

function withinBytes(items: readonly unknown[]): unknown[] {
  const kept: unknown[] = [];
  let bytes = 0;
  for (const item of items) {
    bytes += Buffer.byteLength(JSON.stringify(item) ?? '');
    if (bytes > inputLimits.bytes) break;
    kept.push(item);
  }
  return kept;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || (value !== null && typeof value === 'object' && '_bsontype' in value) ? String(value) : undefined;
