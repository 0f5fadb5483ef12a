import type { Known } from './known.ts';

/** What one epoch says of a key: its value where the epoch (or what is still readable of it) begins, then the log's entries, oldest first. */
export interface EpochOfKey {
  /** The epoch's position, or the horizon where that is later. */
  readonly begins: string;
  readonly first: Known;
  readonly entries: readonly (Known & { readonly from: string })[];
}

/** One stretch of equal data: `[from, to)`, `to` absent for the newest. */
export interface Version {
  readonly from: string;
  readonly to?: string;
  readonly hash: string | null;
  readonly data?: unknown;
}

/**
 * The history of a key over epochs in their order, oldest first: equal neighbours are one version (also across epochs),
 * absence before the first value is left out, and the oldest version begins where its value did, not where the reading does.
 */
export function mergeVersions(epochs: readonly EpochOfKey[]): Version[] {
  const versions: Version[] = [];
  const push = (known: Known, from: string): void => {
    const last = versions.at(-1);
    if ((last?.hash ?? null) === known.hash) return;
    if (last) versions[versions.length - 1] = { ...last, to: from };
    versions.push({ from, hash: known.hash, ...(known.hash === null ? {} : { data: known.data }) });
  };
  for (const { begins, first, entries } of epochs) {
    push(first, versions.length === 0 && first.since !== '' ? first.since : begins);
    for (const entry of entries) push(entry, entry.from);
  }
  return versions;
}
