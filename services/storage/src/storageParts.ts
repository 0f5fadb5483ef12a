import type { Broker } from '@gleaner/broker';
import type { Database, HistoryCollections, RevisionDocument } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import type { HashCache } from './hashCache.ts';
import type { KeyedTurns } from './keyedTurns.ts';
import type { SetsInHand } from './setsInHand.ts';
import type { LayoutLimits } from './core/planNewest.ts';

/** What the handlers work with; made in main.ts, and in tests with their own times, chances and faults. */
export interface StorageParts {
  readonly database: Database;
  readonly history: HistoryCollections;
  readonly broker: Pick<Broker, 'announce' | 'publish'>;
  readonly cache: HashCache;
  /** One apply per dataset at a time in this process: two would only take turns at losing. */
  readonly turns: KeyedTurns;
  /** Sets whose messages are held in memory before they are kept as batches. */
  readonly sets: Pick<SetsInHand, 'holdBatch' | 'holdComplete'>;
  readonly log: Logger;
  /** A version of a job; null where there is none. A version never changes, so those used last are kept in memory. */
  readonly revisions: (job: string, version: number) => Promise<RevisionDocument | null>;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newId: () => string;
  readonly limits: {
    readonly layout: LayoutLimits;
    /** Writes that one transaction may take; a snapshot that needs more fails as snapshot_too_large. */
    readonly writes: number;
    /** Bytes, roughly, that one transaction may write; the same beyond. */
    readonly bytes: number;
    /** Items that one snapshot may have; more fail as snapshot_too_large. */
    readonly items: number;
    /** Items beyond which new keyframes and generations are written before the transaction instead of in it. */
    readonly writeBefore: number;
    /** The same by their bytes. */
    readonly writeBeforeBytes: number;
  };
  /** Told before each step that a crash may fall before; tests throw here. */
  readonly onStep?: ((step: string) => void | Promise<void>) | undefined;
}

/**
 * Measured (docs/decisions/0003-storage-layout.md): 200,000 writes in one transaction took 25 s on a machine six times overloaded, of the 60 s that the server
 * gives it. Only late snapshots need many: a new state is written before its transaction. Items are bounded by memory, about 1.5 KB each while they are applied.
 */
export const transactionLimits = { writes: 200_000, bytes: 256 * 1024 ** 2, writeBefore: 1_000, writeBeforeBytes: 8 * 1024 ** 2, items: 500_000 } as const;
