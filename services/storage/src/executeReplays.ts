import { BrokerError, type BrokerErrorCode } from '@gleaner/broker';
import { maxAttempts, queues } from '@gleaner/contracts';
import { findJob, findRevision, isDatabaseAway, replayRunLetter, type Filter, type LetterDocument, type RunDocument } from '@gleaner/database';
import { announceRun } from './announceRun.ts';
import type { StorageParts } from './storageParts.ts';

const atOnce = 200;

/** What is replayed: failed runs, for which the database is enough, or messages, for which the broker has to be there too. */
export type Replayed = 'runs' | 'messages';

const ofRuns = { queue: queues.collect, run: { $exists: true } } as const;
const letters: Readonly<Record<Replayed, Filter<LetterDocument>>> = { runs: ofRuns, messages: { $nor: [ofRuns] } };

/**
 * Carries out the replays that were asked for and whose time has come (`of` = only those of one kind); how many were carried out or refused.
 * Each is done once, whoever else tries. One that fails is put off, longer each time, so that it holds up no other; where the broker or the
 * database is away the rest waits for the next scan.
 */
export async function executeReplays({ parts, of, signal }: { readonly parts: StorageParts; readonly of?: Replayed; readonly signal?: AbortSignal }): Promise<number> {
  const { collections, clock } = parts.database;
  const due = await collections.deadLetters.find({
    ...(of === undefined ? {} : letters[of]), state: 'parked', 'replay.requestedAt': { $exists: true }, 'replay.error': { $exists: false },
    $or: [{ 'replay.notBefore': { $exists: false } }, { 'replay.notBefore': { $lte: clock.now() } }],
  }, { sort: { 'replay.requestedAt': 1 }, limit: atOnce }).toArray();
  let executed = 0;
  for (const letter of due) {
    if (signal?.aborted) break;
    try {
      await (letter.queue === queues.collect && letter.run !== undefined ? replayRun({ parts, letter, run: letter.run }) : republish({ parts, letter, signal }));
      executed += 1;
    } catch (error) {
      // The mark stands: a later scan tries again.
      parts.log.warn({ err: error, letter: letter._id }, 'a replay was not carried out yet');
      if (error instanceof BrokerError ? brokerAway.has(error.code) : isDatabaseAway(error)) break;
      await putOff({ parts, letter });
    }
  }
  return executed;
}

/** Codes that say nothing of the message: every other would fare the same. */
const brokerAway: ReadonlySet<BrokerErrorCode> = new Set(['connection_lost', 'blocked', 'closed', 'aborted']);

const putOffMs = { step: 1_000, longest: 300_000 };

/** At first to the next scan, then by 1, 3, 7 … seconds. */
async function putOff({ parts: { database }, letter }: { parts: StorageParts; letter: LetterDocument }): Promise<void> {
  const failures = letter.replay?.failures ?? 0;
  const notBefore = new Date(database.clock.now().getTime() + Math.min(putOffMs.longest, putOffMs.step * (2 ** failures - 1)));
  await database.collections.deadLetters.updateOne({ _id: letter._id, state: 'parked', replay: { $exists: true } }, { $set: { 'replay.notBefore': notBefore, 'replay.failures': failures + 1 } });
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
async function republish({ parts, letter, signal }: { parts: StorageParts; letter: LetterDocument; signal: AbortSignal | undefined }): Promise<void> {
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
    body: Buffer.from(payload, message.encoding ?? 'utf8'), contentType: 'application/json', deadlineMs: 10_000, ...(signal ? { signal } : {}),
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
