import { positionOf, stableHash } from '@gleaner/contracts';
import { Binary, historyCollectionsOf, itemId, packKeyframe, snapshotId, type Database, type JobDocument } from '@gleaner/database';
import { ulid } from 'ulid';

/** Writes a whole snapshot of a job in the layout that storage uses for one that changes most: a keyframe of its own and items as a new generation. */
export async function seedSnapshot({ database, job, observedAt, items, run = `${job._id}@${observedAt.toISOString()}` }: {
  readonly database: Database; readonly job: JobDocument; readonly observedAt: Date; readonly items: Readonly<Record<string, unknown>>; readonly run?: string;
}): Promise<string> {
  const history = historyCollectionsOf(database.db);
  const { dataset } = job;
  const position = positionOf(observedAt, run);
  const head = await history.heads.findOne({ _id: dataset });
  const before = new Map((await history.items.find({ _id: { $gte: `${head?.generation ?? '-'}.`, $lt: `${head?.generation ?? '-'}/` } }).toArray()).map((item) => [item.key, item]));
  const state = Object.entries(items).map(([key, data]) => {
    const hash = stableHash(data);
    const standing = before.get(key);
    return { key, hash, data, since: standing?.hash === hash ? standing.since : position };
  });
  const generation = ulid();
  const epoch = ulid();
  const blocks = await packKeyframe(state);
  if (blocks.length > 0) await history.keyframes.insertMany(blocks.map(({ first, n, packed }) => ({ _id: { e: epoch, k: first }, n, z: new Binary(packed) })));
  await history.epochs.insertOne({ _id: epoch, dataset, position, items: state.length, blocks: blocks.length });
  if (state.length > 0) await history.items.insertMany(state.map((item) => ({ _id: itemId(generation, item.key), ...item })));
  const kept = state.length;
  const added = state.filter(({ key }) => !before.has(key)).length;
  const changed = state.filter(({ key, hash }) => before.has(key) && before.get(key)?.hash !== hash).length;
  const counts = { received: kept, kept, added, changed, removed: before.size - (kept - added), unchanged: kept - added - changed, total: kept };
  const rev = (head?.rev ?? 0) + 1;
  const facts = { jobVersion: job.version, extractionHash: job.extractionHash, requestHash: job.requestHash };
  await history.snapshots.insertOne({
    _id: snapshotId(dataset, run), dataset, job: job._id, run, position, observedAt, kind: 'whole', counts, request: { status: 200, bytes: 100, durationMs: 5 }, appliedRev: rev, epoch, ...facts,
  });
  await history.heads.updateOne({ _id: dataset }, { $set: {
    job: job._id, rev, position, run, observedAt, first: head?.first ?? position, total: kept, snapshots: (head?.snapshots ?? 0) + 1, generation, epoch: { id: epoch, position, entries: 0, bytes: 0, stateBytes: 0 }, counts, ...facts,
  } }, { upsert: true });
  return run;
}
