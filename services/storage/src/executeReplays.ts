import { maxAttempts, queues } from '@gleaner/contracts';
import { findJob, findRevision, replayRunLetter, type LetterDocument, type RunDocument } from '@gleaner/database';
import { announceRun } from './announceRun.ts';
import type { StorageParts } from './storageParts.ts';

const atOnce = 200;

/** Carries out the replays that were asked for and whose time has come; how many letters were looked at. Each is done once, whoever else tries. */
export async function executeReplays({ parts }: { readonly parts: StorageParts }): Promise<number> {
  const { collections, clock } = parts.database;
  const due = await collections.deadLetters.find({
    state: 'parked', 'replay.requestedAt': { $exists: true }, 'replay.error': { $exists: false },
    $or: [{ 'replay.notBefore': { $exists: false } }, { 'replay.notBefore': { $lte: clock.now() } }],
  }, { sort: { 'replay.requestedAt': 1 }, limit: atOnce }).toArray();
  for (const letter of due) {
    try {
      await (letter.queue === queues.collect && letter.run !== undefined ? replayRun({ parts, letter, run: letter.run }) : republish({ parts, letter }));
    } catch (error) {
      // The mark stands: the next scan tries again.
      parts.log.warn({ err: error, letter: letter._id }, 'a replay was not carried out yet');
    }
  }
  return due.length;
}

/** The run becomes due again, with the job's current version or (`as: original`) its own. */
async function replayRun({ parts, letter, run: id }: { parts: StorageParts; letter: LetterDocument; run: string }): Promise<void> {
  const { database, onStep } = parts;
  const run = await database.collections.runs.findOne({ _id: id });
  const job = run && (await findJob({ database, id: run.job }));
  if (!run || !job || job.dataset !== run.dataset) {
    await refuse({ parts, letter, error: 'job_deleted' });
    return;
  }
  const revision = letter.replay?.as === 'original' ? await findRevision({ database, job: run.job, version: run.jobVersion }) : null;
  const { definition, version } = revision ?? job;
  const now = database.clock.now();
  const expires = definition.schedule.expires;
  const set: Partial<RunDocument> = {
    jobVersion: version, maxAttempts: run.attempts + maxAttempts(definition), ...(typeof expires === 'number' ? { expiresAt: new Date(now.getTime() + expires) } : {}),
  };
  const outcome = await database.transaction(async (session) => {
    const done = await replayRunLetter({ database, letter, now, session, set });
    await onStep?.('before the replay commits');
    return done;
  });
  if (outcome !== 'replayed') return;
  const moved = await database.collections.runs.findOne({ _id: id });
  if (moved) announceRun(parts, moved);
}

/** Sends a message again to where it was going, under its own id, then marks the letter: after a crash between the two it comes twice, and the handlers are made for that. */
async function republish({ parts, letter }: { parts: StorageParts; letter: LetterDocument }): Promise<void> {
  const { database, broker, onStep } = parts;
  const { message, payload } = letter;
  const run = letter.run === undefined ? null : await database.collections.runs.findOne({ _id: letter.run }, { readConcern: { level: 'majority' } });
  if (run?.state === 'succeeded' || run?.state === 'unchanged') {
    await database.collections.deadLetters.updateOne({ _id: letter._id, state: 'parked' }, { $set: { state: 'superseded' } });
    return;
  }
  if (message === undefined || payload === undefined) {
    await refuse({ parts, letter, error: 'no_message' });
    return;
  }
  await broker.publish({
    exchange: message.exchange, routingKey: message.routingKey, type: message.type ?? '', messageId: message.messageId ?? letter._id,
    ...(message.correlationId === undefined ? {} : { correlationId: message.correlationId }),
    headers: { 'replay-count': letter.replays + 1, 'replay-of': letter._id },
    body: Buffer.from(payload, message.encoding ?? 'utf8'), contentType: 'application/json', deadlineMs: 10_000,
  });
  await onStep?.('between publish and mark');
  await database.collections.deadLetters.updateOne(
    { _id: letter._id, state: 'parked', ...(letter.replay ? { 'replay.requestedAt': letter.replay.requestedAt } : {}) },
    { $set: { state: 'replayed', replayedAt: database.clock.now() }, $inc: { replays: 1 } },
  );
}

/** A replay that can never be carried out says why; the letter stays. */
async function refuse({ parts: { database, log }, letter, error }: { parts: StorageParts; letter: LetterDocument; error: string }): Promise<void> {
  log.info({ letter: letter._id, error }, 'a replay was refused');
  await database.collections.deadLetters.updateOne({ _id: letter._id, state: 'parked' }, { $set: { 'replay.error': error } });
}
