import { absent, type HeadDocument, type Known, type StateItem } from '@gleaner/database';
import { knownBytes, type ApplyPlan, type Observation, type PlannedEntry } from './applyPlan.ts';
import type { Changes } from './contentOf.ts';

export interface LayoutLimits {
  /** From this share of the items on, a changed snapshot begins an epoch: packing all is cheaper than logging many. */
  readonly epochShare: number;
  /** Fewer changes than this are always logged. */
  readonly epochMinimum: number;
  /** A log as long as this share of the items (but at least so long) ends its epoch, so that a page of the past stays cheap. */
  readonly logShare: number;
  readonly logMinimum: number;
  /** And one that takes as many bytes as this share of the state that the epoch began with (but at least so many): a few large items fill a log too. */
  readonly logBytes: number;
  /** From this share on, items are written as a new generation: inserting all is cheaper than replacing many. */
  readonly generationShare: number;
  readonly generationMinimum: number;
  /** Beyond so many changes all is written anew whatever its share: a new state is written before the transaction, single changes are not. */
  readonly mostChanges: number;
  /** The same by the bytes that the changes take. */
  readonly mostBytes: number;
}

/** The newest epoch as the layout is decided by it. */
type NewestEpoch = Omit<NonNullable<HeadDocument['epoch']>, 'position'>;

export const layoutLimits: LayoutLimits = { epochShare: 0.3, epochMinimum: 200, logShare: 0.5, logMinimum: 1_000, generationShare: 0.5, generationMinimum: 500, logBytes: 8 * 1024 ** 2, mostChanges: 50_000, mostBytes: 64 * 1024 ** 2 };

/** What is known of the current items without their data. */
export type Hashes = ReadonlyMap<string, { readonly hash: string; readonly since: string }>;

/**
 * The plan for a snapshot that comes after all others. Nothing stored is read: `before` are the hashes of the current items;
 * only where a partial snapshot begins an epoch does `others` fetch the data of the items that it did not see.
 */
export async function planNewest({ observation, before, epoch, others, limits = layoutLimits }: {
  readonly observation: Observation;
  readonly before: Hashes;
  /** The newest epoch; absent before the first snapshot. */
  readonly epoch?: NewestEpoch | undefined;
  readonly others: () => Promise<ReadonlyMap<string, Known>>;
  readonly limits?: LayoutLimits;
}): Promise<ApplyPlan> {
  const { position, kind, content } = observation;
  const changes = new Map<string, Known>();
  let added = 0;
  let changed = 0;
  let removed = 0;
  for (const [key, { hash, data }] of content) {
    const old = before.get(key);
    if (old?.hash === hash) continue;
    if (old) changed += 1;
    else added += 1;
    changes.set(key, { hash, data, since: position });
  }
  if (kind === 'whole' && before.size + added > content.size)
    for (const key of before.keys())
      if (!content.has(key)) {
        removed += 1;
        changes.set(key, absent);
      }
  const counts = { added, changed, removed, total: before.size + added - removed };
  return await layOut({
    position, changes, counts, epoch, limits, state: async () => {
      const items: StateItem[] = [];
      for (const [key, { hash, data }] of content) items.push({ key, hash, data, since: changes.has(key) ? position : (before.get(key)?.since ?? position) });
      if (kind === 'partial' && content.size < counts.total)
        for (const [key, { hash, data, since }] of await others()) if (hash !== null && !content.has(key)) items.push({ key, hash, data, since });
      return items;
    },
  });
}

/**
 * The plan for what a snapshot that comes after all others changes in the newest one: as above, and the work is that of the changes alone
 * while no epoch begins.
 */
export async function planChanges({ position, saw, before, epoch, others, limits = layoutLimits }: {
  readonly position: string;
  readonly saw: Changes;
  readonly before: Hashes;
  readonly epoch?: NewestEpoch | undefined;
  readonly others: () => Promise<ReadonlyMap<string, Known>>;
  readonly limits?: LayoutLimits;
}): Promise<ApplyPlan> {
  const changes = new Map<string, Known>();
  let added = 0;
  let changed = 0;
  let removed = 0;
  for (const [key, seen] of saw) {
    const old = before.get(key);
    if (old?.hash === seen?.hash) continue; // also a key that is gone and was not there
    if (seen === null) {
      removed += 1;
      changes.set(key, absent);
      continue;
    }
    if (old) changed += 1;
    else added += 1;
    changes.set(key, { ...seen, since: position });
  }
  const counts = { added, changed, removed, total: before.size + added - removed };
  return await layOut({
    position, changes, counts, epoch, limits, state: async () => {
      const items: StateItem[] = [];
      for (const [key, { hash, data, since }] of changes) if (hash !== null) items.push({ key, hash, data, since });
      if (items.length < counts.total)
        for (const [key, { hash, data, since }] of await others()) if (hash !== null && !changes.has(key)) items.push({ key, hash, data, since });
      return items;
    },
  });
}

/** Where changes are written: in the log and item by item, or as a new epoch and generation, for which alone the whole state is asked. */
async function layOut({ position, changes, counts, epoch, limits, state }: {
  readonly position: string; readonly changes: ReadonlyMap<string, Known>; readonly counts: ApplyPlan['counts']; readonly epoch: NewestEpoch | undefined;
  readonly limits: LayoutLimits; readonly state: () => Promise<readonly StateItem[]>;
}): Promise<ApplyPlan> {
  const { total } = counts;
  const rest = { newest: true, counts, drops: [], itemSince: [], rows: new Map() } as const;
  let bytes = 0;
  const isLarge = (): boolean => (bytes = knownBytes(changes.values())) > limits.mostBytes;
  const anew = epoch === undefined || changes.size > limits.mostChanges || (changes.size >= limits.generationMinimum && changes.size >= limits.generationShare * total) || isLarge();
  const many = anew || (changes.size >= limits.epochMinimum && changes.size >= limits.epochShare * total);
  const longLog = !many && changes.size > 0
    && (epoch.entries + changes.size > Math.max(limits.logShare * total, limits.logMinimum) || (epoch.bytes ?? 0) + bytes > Math.max(limits.logShare * (epoch.stateBytes ?? 0), limits.logBytes));
  if (!many && !longLog) {
    const entries = [...changes].map(([key, known]): PlannedEntry => ({ epoch: epoch.id, key, from: position, known, patch: false }));
    return { ...rest, generation: false, entries, items: changes };
  }
  const items = await state();
  return { ...rest, epoch: { items }, generation: anew, entries: [], items: anew ? new Map() : changes };
}
