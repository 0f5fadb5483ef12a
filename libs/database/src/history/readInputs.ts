import type { RunInputs } from '@gleaner/contracts';
import type { Database } from '../connectDatabase.ts';
import { diffMoments } from './diffMoments.ts';
import { historyCollectionsOf } from './historyCollections.ts';
import { HistoryError } from './HistoryError.ts';
import { readItems } from './readItems.ts';
import { readSnapshot } from './readSnapshots.ts';

/** What a run may take along, because its tick carries it. */
export const inputLimits = { entries: 1_000, bytes: 256 * 1024, triggerItems: 100 } as const;

export type ForEachInput = { readonly ok: true; readonly values: readonly string[] } | { readonly ok: false; readonly reason: 'no input' | 'input_too_large' };

/** The values of a field over another job's latest snapshot, each once, in the order of its items' keys; never a part of them. */
export async function readForEach({ database, job, field }: { readonly database: Database; readonly job: string; readonly field: string }): Promise<ForEachInput> {
  const parent = await database.collections.jobs.findOne({ _id: job, deleted: { $exists: false } }, { projection: { dataset: 1 } });
  if (parent === null) return { ok: false, reason: 'no input' };
  const values = new Set<string>();
  let bytes = 0;
  let after: string | undefined;
  let pinned: { position: string; rev: number } | undefined;
  try {
    do {
      const page = await readItems({ database, dataset: parent.dataset, limit: inputLimits.entries, after, pinned });
      if (page.position === undefined) return { ok: false, reason: 'no input' };
      for (const item of page.items) {
        const value = 'data' in item ? valueAt(item.data, field) : undefined;
        if (value === undefined || values.has(value)) continue;
        values.add(value);
        bytes += Buffer.byteLength(value);
        if (values.size > inputLimits.entries || bytes > inputLimits.bytes) return { ok: false, reason: 'input_too_large' };
      }
      after = page.next;
      pinned = { position: page.position, rev: page.rev };
    } while (after !== undefined);
  } catch (error) {
    // Swept or rewritten while it was read: the run is asked again, as it is for any passing trouble.
    if (error instanceof HistoryError && error.code === 'no_dataset') return { ok: false, reason: 'no input' };
    throw error;
  }
  return { ok: true, values: [...values] };
}

/** What a run brought: its added and changed items (the first 100 by key); none where its snapshot cannot be read any more. */
export async function readTriggerItems({ database, dataset, run }: { readonly database: Database; readonly dataset: string; readonly run: string }): Promise<NonNullable<RunInputs['trigger']>> {
  const items: unknown[] = [];
  try {
    const row = await readSnapshot({ database, dataset, run });
    if (row !== null) items.push(...(await changesOf({ database, dataset, run, position: row.position })));
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
  }
  const kept = withinBytes(items);
  return { run, items: kept, ...(kept.length > 0 ? { item: kept[0] } : {}) };
}

async function changesOf({ database, dataset, run, position }: { database: Database; dataset: string; run: string; position: string }): Promise<unknown[]> {
  const { snapshots } = historyCollectionsOf(database.db);
  const before = await snapshots.findOne({ dataset, position: { $lt: position } }, { projection: { run: 1 }, sort: { position: -1 } });
  if (before === null) return (await readItems({ database, dataset, run, limit: inputLimits.triggerItems })).items.flatMap((item) => ('data' in item ? [item.data] : []));
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

function valueAt(data: unknown, field: string): string | undefined {
  let value: unknown = data;
  for (const name of field.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'))) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : value !== null && typeof value === 'object' && '_bsontype' in value ? String(value) : undefined;
}
