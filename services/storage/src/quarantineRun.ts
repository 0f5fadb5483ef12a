import { exactJson, messageTypes, type BatchItem, type CompleteReport } from '@gleaner/contracts';
import { moveRun, type SnapshotCounts } from '@gleaner/database';
import { announceRun } from './announceRun.ts';
import type { Result } from './result.ts';
import { keepBatch, keepComplete } from './batchStore.ts';
import { startOf } from './writeSnapshot.ts';
import type { GateFault } from './core/judgeGate.ts';
import type { StorageParts } from './storageParts.ts';

/** A document holds 16 MB, an item at most 4 MiB of BSON. */
const mostChars = 2_000_000;

/**
 * Puts a snapshot that failed its gate aside: what it saw is kept as a set of its own, and the run waits for a person.
 * The set is written first; where the run then moved on, it is swept with the run. False where the run moved meanwhile.
 */
export async function quarantineRun({ parts, result, attempt, fault, counts }: {
  readonly parts: StorageParts; readonly result: Result; readonly attempt: string; readonly fault: GateFault; readonly counts: SnapshotCounts;
}): Promise<boolean> {
  const { run, observedAt, requests } = result;
  const name = `${attempt}:aside`;
  if (!(await keepAside({ parts, result, name }))) return false;
  await parts.onStep?.('before the quarantine');
  const moved = await moveRun({
    database: parts.database, run: run._id, to: 'quarantined', where: { rev: run.rev },
    set: { counts, requests, observedAt, ...startOf(result), attempt: name, error: { class: 'gate', message: fault.message } }, unset: ['decision', 'reason'],
  });
  if (moved) announceRun(parts, moved);
  return moved !== null;
}

async function keepAside({ parts, result: { run, dataset, jobVersion, saw, observedAt, requests, request }, name }: { parts: StorageParts; result: Result; name: string }): Promise<boolean> {
  if (saw.kind !== 'content') return false;
  const { content, received, duplicates, extractionHash, requestHash, validators, warnings } = saw;
  const head = { v: 1 as const, run: run._id, job: run.job, dataset, jobVersion, try: run.attempts, queuedAt: (run.queuedAt ?? observedAt).toISOString(), attempt: name };
  let items: BatchItem[] = [];
  let chars = 0;
  let seq = 0;
  const keep = async (): Promise<void> => {
    await keepBatch(parts, { run: run._id, attempt: name, seq, body: Buffer.from(exactJson({ ...head, type: messageTypes.batch, seq, items })) });
    seq += 1;
    items = [];
    chars = 0;
  };
  for (const [k, { hash, data }] of content) {
    const item = { k, h: hash, d: data as Record<string, unknown> };
    items.push(item);
    chars += JSON.stringify(item).length;
    if (chars > mostChars) await keep();
  }
  if (items.length > 0) await keep();
  const report: CompleteReport = {
    ...head, kind: 'complete', observedAt: observedAt.toISOString(), batches: seq, counts: { received, kept: content.size, duplicates }, requests, request, extractionHash, requestHash,
    ...(validators ? { validators } : {}), ...(warnings ? { warnings } : {}),
  };
  await keepComplete(parts, report, observedAt);
  return true;
}
