import { exactJson, type Batch, type ChangesReport, type CompleteReport } from '@gleaner/contracts';
import { batchId, Binary, type BatchDocument } from '@gleaner/database';
import type { StorageParts } from './storageParts.ts';

const completeSeq = -1;

/** Keeps one message of an attempt until its set is whole; a copy that comes again changes nothing. */
export async function keepBatch({ history, database }: StorageParts, { run, attempt, seq, body }: { readonly run: string; readonly attempt: string; readonly seq: number; readonly body: Buffer }): Promise<void> {
  await history.batches.updateOne({ _id: batchId(attempt, seq) }, { $setOnInsert: { run, attempt, seq, body: new Binary(body), receivedAt: database.clock.now() } }, { upsert: true });
}

/** Keeps the complete report of an attempt; its clamped moment is the one of its first handling, which is returned. */
export async function keepComplete({ history, database }: StorageParts, report: CompleteReport | ChangesReport, observedAt: Date): Promise<Date> {
  const _id = batchId(report.attempt, completeSeq);
  const kept = await history.batches.findOneAndUpdate(
    { _id },
    { $setOnInsert: { run: report.run, attempt: report.attempt, seq: completeSeq, body: new Binary(Buffer.from(exactJson(report))), receivedAt: database.clock.now(), observedAt, batches: report.batches } },
    { upsert: true, returnDocument: 'after' },
  );
  return kept?.observedAt ?? observedAt;
}

export interface WholeSet {
  readonly report: CompleteReport | ChangesReport;
  readonly observedAt: Date;
  readonly batches: readonly Batch[];
}

/** The set of an attempt where it is whole, majority-committed; undefined while something is missing. */
export async function readWholeSet({ history }: StorageParts, attempt: string): Promise<WholeSet | undefined> {
  const majority = { readConcern: { level: 'majority' } } as const;
  const complete = await history.batches.findOne({ _id: batchId(attempt, completeSeq) }, majority);
  if (complete?.observedAt === undefined) return undefined;
  const report = readBody<CompleteReport | ChangesReport>(complete);
  const ids = Array.from({ length: report.batches }, (_, seq) => batchId(attempt, seq));
  const found = await history.batches.find({ _id: { $in: ids } }, majority).toArray();
  if (found.length < ids.length) return undefined;
  return { report, observedAt: complete.observedAt, batches: found.toSorted((a, b) => a.seq - b.seq).map((one) => readBody<Batch>(one)) };
}

/** True where every message of the attempt is kept, majority-committed; reads none of them. */
export async function isSetWhole({ history }: StorageParts, attempt: string): Promise<boolean> {
  const majority = { readConcern: { level: 'majority' } } as const;
  const complete = await history.batches.findOne({ _id: batchId(attempt, completeSeq) }, { projection: { batches: 1 }, ...majority });
  if (complete === null) return false;
  const ids = Array.from({ length: complete.batches ?? 0 }, (_, seq) => batchId(attempt, seq));
  return (await history.batches.countDocuments({ _id: { $in: ids } }, majority)) === ids.length;
}

/** True where the complete report of the attempt has been handled: a batch that comes after it may make the set whole. */
export async function isCompleteKept({ history }: StorageParts, attempt: string): Promise<boolean> {
  return (await history.batches.findOne({ _id: batchId(attempt, completeSeq) }, { projection: { _id: 1 } })) !== null;
}

/** The clamped moment of an attempt whose complete report was kept before. */
export async function keptMoment({ history }: StorageParts, attempt: string): Promise<Date | undefined> {
  return (await history.batches.findOne({ _id: batchId(attempt, completeSeq) }, { projection: { observedAt: 1 } }))?.observedAt;
}

/** Takes away what was kept for a run that has ended; what fails here the sweep does again. */
export async function dropBatches({ history, log }: StorageParts, run: string): Promise<void> {
  try {
    await history.batches.deleteMany({ run }, { writeConcern: { w: 1 } });
  } catch (error) {
    log.warn({ err: error, run }, 'batches of an ended run were not removed; the sweep will');
  }
}

const readBody = <T>({ body }: BatchDocument): T => JSON.parse(body.toString('utf8')) as T;
