import type { Binary } from 'mongodb';
import type { Counts, RequestFacts, Validators } from '@gleaner/contracts';

/** One per dataset, made with it: the newest applied position and what a write must find unchanged (`rev`). */
export interface HeadDocument {
  /** The dataset. */
  readonly _id: string;
  readonly job: string;
  /** Grows with every write to the dataset's history; each write is a compare-and-set on it. */
  readonly rev: number;
  /** The job is deleted: nothing is applied any more, the sweep takes what is here. */
  readonly deleted?: true;
  readonly deletedAt?: Date;
  /** The whole dataset has been taken away. */
  readonly sweptAt?: Date;
  /** Newest applied position; absent before the first snapshot. */
  readonly position?: string;
  readonly run?: string;
  readonly observedAt?: Date;
  /** Oldest position ever applied: before it is `before_first`, between it and the horizon `swept`. */
  readonly first?: string;
  /** Items at the newest position. */
  readonly total?: number;
  /** Rows in `snapshots`. */
  readonly snapshots?: number;
  /** Prefix of the current items' ids. */
  readonly generation?: string;
  /** The newest epoch, how many log entries it has taken, and about how many bytes they and the state that it began with have (absent where a storage that did not count them yet began it). */
  readonly epoch?: { readonly id: string; readonly position: string; readonly entries: number; readonly bytes?: number; readonly stateBytes?: number };
  /** Of the newest snapshot, as are `requestHash`, `validators` and `counts`. */
  readonly extractionHash?: string;
  readonly requestHash?: string;
  /** The highest of all that came as the newest: a lower one may have made the newest snapshot, where its definition was the same. */
  readonly jobVersion?: number;
  readonly validators?: Validators;
  readonly counts?: SnapshotCounts;
  /** Position of the oldest readable snapshot, once something was swept. */
  readonly horizon?: string;
  /** Highest `appliedRev` of what was swept: cursors from before it have lost their ground. */
  readonly sweptRev?: number;
}

/** What a snapshot saw against the one before it; maintained when a late one lands between. */
export type SnapshotCounts = Counts & { readonly total: number };

/** A current item. `_id` is `<generation>.<key>`, so that a generation is one range sorted by the key's bytes. */
export interface ItemDocument {
  readonly _id: string;
  readonly key: string;
  readonly hash: string;
  /** Position where the present data began. */
  readonly since: string;
  readonly data: unknown;
}

/** Log entry: what a key became at a position. A patch (`f` = the epoch's own position) corrects the keyframe and carries its own `since`. */
export interface VersionDocument {
  readonly _id: { readonly e: string; readonly k: string; readonly f: string };
  readonly hash?: string;
  readonly data?: unknown;
  readonly removed?: true;
  readonly since?: string;
}

/** A stretch of the log that begins with a packed copy of the whole state. */
export interface EpochDocument {
  /** ULID: prefix of its keyframe's and its entries' ids. */
  readonly _id: string;
  readonly dataset: string;
  readonly position: string;
  readonly items: number;
  readonly blocks: number;
}

/** A packed run of neighbouring items of an epoch's first state; `k` is the first key in it. */
export interface KeyframeDocument {
  readonly _id: { readonly e: string; readonly k: string };
  readonly n: number;
  readonly z: Binary;
}

/** One applied run. `_id` is `<dataset>.<run>`. */
export interface SnapshotDocument {
  readonly _id: string;
  readonly dataset: string;
  readonly job: string;
  readonly run: string;
  readonly position: string;
  readonly observedAt: Date;
  readonly kind: 'whole' | 'partial';
  /** Keys that a partial snapshot observed: a set in `keysets`. */
  readonly keys?: string;
  /** The run whose snapshot was observed again (`unchanged`). */
  readonly sameAs?: string;
  readonly cause?: 'definition';
  readonly jobVersion: number;
  readonly extractionHash: string;
  readonly requestHash: string;
  readonly validators?: Omit<Validators, 'run'>;
  readonly counts: SnapshotCounts;
  readonly request: RequestFacts;
  readonly appliedRev: number;
  /** The epoch that begins at this row. */
  readonly epoch?: string;
}

/** A part of the set of keys that a partial snapshot observed; sets are shared by their hash. */
export interface KeysetDocument {
  /** `<dataset>.<hash>.<part>` */
  readonly _id: string;
  readonly z: Binary;
  /** Last apply that named it. */
  readonly usedAt: Date;
}

/**
 * A prefix under which items were written, and the keyframe that was written with them. `written`: before its transaction, which names it or finds it orphaned;
 * `current`: the head's; `replaced` by a newer one, and `orphaned` (its transaction did not come in time): their items go with the next sweep.
 */
export interface GenerationDocument {
  readonly _id: string;
  readonly dataset: string;
  readonly at: Date;
  /** Absent of one that a storage of before the states has written, until a sweep finds out. */
  readonly state?: 'written' | 'current' | 'replaced' | 'orphaned';
}

/** A message of an attempt that waits for the rest: one per batch, and one (`seq: -1`) for the complete report. */
export interface BatchDocument {
  /** `<attempt>.<seq>` */
  readonly _id: string;
  readonly run: string;
  readonly attempt: string;
  readonly seq: number;
  /** The message as it came, JSON. */
  readonly body: Binary;
  readonly receivedAt: Date;
  /** On the complete report: the clamped moment, and how many batches belong to the attempt. */
  readonly observedAt?: Date;
  readonly batches?: number;
}

/** A piece of a kept answer (`retainRaw`). */
export interface RawDocument {
  readonly _id: string;
  readonly dataset: string;
  readonly run: string;
  readonly seq: number;
  readonly body: Binary;
  readonly expiresAt: Date;
}

/** The requests of a run, where they are kept beside its snapshot. */
export interface RequestDocument {
  readonly _id: string;
  readonly dataset: string;
  readonly run: string;
  readonly facts: readonly RequestFacts[];
  readonly expiresAt?: Date;
}
