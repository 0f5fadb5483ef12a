import type { Collection, Db } from 'mongodb';
import type {
  BatchDocument, EpochDocument, GenerationDocument, HeadDocument, ItemDocument, KeyframeDocument, KeysetDocument, RawDocument, RequestDocument, SnapshotDocument, VersionDocument,
} from './documents.ts';

/** The collections that hold what was gathered; storage alone writes them (but for the head that a job's birth and deletion touch). */
export interface HistoryCollections {
  readonly heads: Collection<HeadDocument>;
  readonly items: Collection<ItemDocument>;
  readonly versions: Collection<VersionDocument>;
  readonly epochs: Collection<EpochDocument>;
  readonly keyframes: Collection<KeyframeDocument>;
  readonly snapshots: Collection<SnapshotDocument>;
  readonly keysets: Collection<KeysetDocument>;
  readonly generations: Collection<GenerationDocument>;
  readonly batches: Collection<BatchDocument>;
  readonly raws: Collection<RawDocument>;
  readonly requests: Collection<RequestDocument>;
}

export const historyCollectionsOf = (db: Db): HistoryCollections => ({
  heads: db.collection<HeadDocument>('heads'),
  items: db.collection<ItemDocument>('items'),
  versions: db.collection<VersionDocument>('versions'),
  epochs: db.collection<EpochDocument>('epochs'),
  keyframes: db.collection<KeyframeDocument>('keyframes'),
  snapshots: db.collection<SnapshotDocument>('snapshots'),
  keysets: db.collection<KeysetDocument>('keysets'),
  generations: db.collection<GenerationDocument>('generations'),
  batches: db.collection<BatchDocument>('batches'),
  raws: db.collection<RawDocument>('raws'),
  requests: db.collection<RequestDocument>('requests'),
});
