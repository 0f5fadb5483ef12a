import { roughSize, type Known, type StateItem } from '@gleaner/database';
import type { Content } from './contentOf.ts';

/** What a run saw, at its place in the order of snapshots. */
export interface Observation {
  readonly position: string;
  /** `partial` = what is not in it is not gone. */
  readonly kind: 'whole' | 'partial';
  readonly content: Content;
}

/** A snapshot row as the rules see it. */
export interface Row {
  readonly position: string;
  readonly kind: 'whole' | 'partial';
  /** Name of the set of observed keys of a partial row. */
  readonly keys?: string;
  /** The epoch that begins at this row. */
  readonly epoch?: string;
  readonly total: number;
}

export interface EpochRef {
  readonly id: string;
  readonly position: string;
}

/** What the rules may ask about the history as it stands at one `rev`. */
export interface HistoryView {
  rowBefore(position: string): Promise<Row | undefined>;
  /** Ascending. */
  rowsAfter(position: string): Promise<readonly Row[]>;
  keysOf(row: Row): Promise<ReadonlySet<string>>;
  /** The newest epoch that begins at or before the position. */
  epochAt(position: string): Promise<EpochRef>;
  /** Ascending. */
  epochsAfter(position: string): Promise<readonly EpochRef[]>;
  /** Present keys only, with data; all of them or those asked for. */
  stateAt(position: string, keys?: readonly string[]): Promise<ReadonlyMap<string, Known>>;
  /** Log entries from exactly this position, removals as absent; never those of a row that begins an epoch. */
  entriesAt(epoch: string, position: string): Promise<ReadonlyMap<string, Known>>;
}

/** How counts move; `total` is the number of items after the snapshot. */
export interface CountsDelta {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly total: number;
}

/** One log entry to be written; with `patch` it corrects a keyframe and carries its `since`. */
export interface PlannedEntry {
  readonly epoch: string;
  readonly key: string;
  readonly from: string;
  readonly known: Known;
  readonly patch: boolean;
}

/** Everything that one snapshot changes, to be written in one transaction. */
export interface ApplyPlan {
  readonly newest: boolean;
  readonly counts: CountsDelta;
  /** A new epoch at the snapshot's position: the whole state, packed. */
  readonly epoch?: { readonly items: readonly StateItem[] };
  /** Current items are written anew under a fresh prefix (all of `epoch.items`) instead of one by one. */
  readonly generation: boolean;
  readonly entries: readonly PlannedEntry[];
  readonly drops: readonly { readonly epoch: string; readonly key: string; readonly from: string }[];
  readonly items: ReadonlyMap<string, Known>;
  readonly itemSince: readonly { readonly key: string; readonly from: string; readonly to: string }[];
  /** Later rows whose counts move, by position. */
  readonly rows: ReadonlyMap<string, CountsDelta>;
}

/** Writes that a plan puts into the transaction: what its limit is counted in (keyframes and generations are written before). */
export const plannedWrites = (plan: ApplyPlan): number =>
  plan.entries.length + plan.drops.length + plan.items.size + plan.itemSince.length + plan.rows.size;

/** Beside its data a change has an id, a hash and a position. */
const besideData = 200;

/** About how many bytes these take where they are written. */
export function knownBytes(all: Iterable<Known>): number {
  let bytes = 0;
  for (const { data } of all) bytes += besideData + roughSize(data);
  return bytes;
}

/** About how many bytes a plan puts into the transaction. */
export const plannedBytes = (plan: ApplyPlan): number => knownBytes(plan.entries.map(({ known }) => known)) + knownBytes(plan.items.values()) + besideData * (plan.drops.length + plan.itemSince.length + plan.rows.size);
