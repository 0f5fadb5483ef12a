import type { ClientSession } from 'mongodb';
import { positionAfter } from '@gleaner/contracts';
import type { HeadDocument, SnapshotDocument } from './documents.ts';
import { HistoryError } from './HistoryError.ts';
import type { HistoryCollections } from './historyCollections.ts';
import { snapshotId } from './historyIds.ts';
import { epochAt, withSession, type EpochStart } from './readKnown.ts';

/** Which moment of a dataset is meant; none of them = the latest. */
export interface MomentRequest {
  /** Inclusive; in the future it is the latest. */
  readonly at?: Date | undefined;
  /** The snapshot of one run. */
  readonly run?: string | undefined;
  /** Where a cursor stands: its position, and the head's `rev` when it was made. */
  readonly pinned?: { readonly position: string; readonly rev: number } | undefined;
}

/** A moment that can be read: the row it falls on, and the head as it is now. */
export interface Moment {
  readonly head: HeadDocument;
  /** Absent before the first snapshot of the dataset. */
  readonly row?: SnapshotDocument;
  readonly latest: boolean;
  /** The epoch that holds it, where it is not the latest. */
  readonly epoch?: EpochStart;
}

/** Finds the row of a moment; throws a HistoryError where it cannot be read. */
export async function findMoment({ history, session, dataset, at, run, pinned }: MomentRequest & {
  readonly history: HistoryCollections; readonly session?: ClientSession | undefined; readonly dataset: string;
}): Promise<Moment> {
  const options = withSession(session);
  const epochOf = async (position: string): Promise<{ epoch?: EpochStart }> => {
    const epoch = await epochAt({ history, session, dataset, position });
    return epoch ? { epoch } : {};
  };
  const head = await history.heads.findOne({ _id: dataset }, options);
  if (head === null || head.sweptAt !== undefined) throw new HistoryError('no_dataset', `expected dataset ${dataset}; ${head ? 'it was taken away after its job was deleted' : 'there is none'}`, { dataset });
  if (pinned !== undefined) await expectGround({ history, head, pinned, options });
  if (run !== undefined) {
    const row = await history.snapshots.findOne({ _id: snapshotId(dataset, run) }, options);
    if (row === null || isSwept(head, row.position)) throw new HistoryError('no_snapshot', `expected a snapshot of run ${run}; it made none, or retention has taken it`, { run });
    return row.position === head.position ? { head, row, latest: true } : { head, row, latest: false, ...(await epochOf(row.position)) };
  }
  if (head.position === undefined) return { head, latest: true };
  const sought = pinned?.position ?? (at === undefined ? undefined : positionAfter(at));
  if (sought === undefined || sought >= head.position) {
    const row = await history.snapshots.findOne({ _id: snapshotId(dataset, head.run ?? '') }, options);
    return { head, ...(row ? { row } : {}), latest: true };
  }
  // Epochs begin at rows: what holds the moment holds its row.
  const [row, epoch] = await Promise.all([history.snapshots.findOne({ dataset, position: { $lte: sought } }, { sort: { position: -1 }, ...options }), epochOf(sought)]);
  if (row !== null && !isSwept(head, row.position)) return { head, row, latest: false, ...epoch };
  const wasThere = head.first !== undefined && sought >= head.first && head.horizon !== undefined;
  throw new HistoryError(wasThere ? 'swept' : 'before_first', wasThere ? `${at?.toISOString() ?? sought} is older than retention keeps` : `${at?.toISOString() ?? sought} is before the first snapshot`,
    { first: head.first, horizon: head.horizon });
}

const isSwept = (head: HeadDocument, position: string): boolean => head.horizon !== undefined && position < head.horizon;

/** A cursor goes on only while nothing at or before its position was rewritten since it was made. */
export async function expectGround({ history, head, pinned, options }: { readonly history: HistoryCollections; readonly head: HeadDocument; readonly pinned: NonNullable<MomentRequest['pinned']>; readonly options: { readonly session?: ClientSession } }): Promise<void> {
  if (isSwept(head, pinned.position)) throw new HistoryError('swept', 'the moment that this cursor reads is older than retention keeps', { horizon: head.horizon });
  if (head.rev === pinned.rev) return;
  const changed = (head.sweptRev ?? 0) > pinned.rev
    || (await history.snapshots.findOne({ dataset: head._id, appliedRev: { $gt: pinned.rev }, position: { $lte: pinned.position } }, { projection: { _id: 1 }, ...options })) !== null;
  if (changed) throw new HistoryError('history_changed', 'a late snapshot has rewritten what this cursor reads; begin the list anew', { rev: head.rev });
}
