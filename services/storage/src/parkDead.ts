import { insertLetter, moveRun, type LetterDocument } from '@gleaner/database';
import { done, type Delivery, type Outcome } from '@gleaner/broker';
import { announceRun } from './announceRun.ts';
import { isReplaced } from './core/isReplaced.ts';
import { readDeadMessage } from './core/readDeadMessage.ts';
import type { StorageParts } from './storageParts.ts';

/** Moves a dead message into `deadLetters`, ending its run as failed in the same transaction. A second copy of one death finds its letter there. */
export async function parkDead({ parts, delivery, queue }: {
  readonly parts: StorageParts; readonly delivery: Pick<Delivery, 'body' | 'type' | 'messageId' | 'correlationId' | 'headers' | 'exchange' | 'routingKey' | 'attempt' | 'firstSeenAt'>;
  /** The work queue that the message died in. */
  readonly queue: string;
}): Promise<Outcome> {
  const { database, onStep } = parts;
  const { body, type, messageId, correlationId, headers } = delivery;
  const facts = readDeadMessage(delivery, queue);
  const now = database.clock.now();
  const text = body.toString('utf8');
  const isText = Buffer.from(text).equals(body);
  const moved = await database.transaction(async (session) => {
    const run = facts.run === undefined ? null : await database.collections.runs.findOne({ _id: facts.run }, { session });
    const superseded = run !== null && (run.state === 'succeeded' || run.state === 'unchanged');
    const replays = headers['replay-count'];
    const letter: LetterDocument = {
      _id: facts.letterId, queue, class: facts.class, reason: facts.reason,
      ...(run ? { run: run._id, job: run.job, dataset: run.dataset } : { ...(facts.run ? { run: facts.run } : {}), ...(facts.job ? { job: facts.job } : {}), ...(facts.dataset ? { dataset: facts.dataset } : {}) }),
      ...(facts.try === undefined ? {} : { try: facts.try }),
      attempts: delivery.attempt, firstAt: new Date(delivery.firstSeenAt), deadAt: facts.deadAt ?? now, replays: typeof replays === 'number' ? replays : 0,
      state: superseded ? 'superseded' : 'parked', headers: plainHeaders(headers), payload: isText ? text : body.toString('base64'),
      message: {
        exchange: facts.exchange, routingKey: facts.routingKey, type, messageId, ...(correlationId === undefined ? {} : { correlationId }), ...(isText ? {} : { encoding: 'base64' as const }),
      },
      ...(typeof headers['replay-of'] === 'string' ? { replayOf: headers['replay-of'] } : {}),
    };
    if (!(await insertLetter({ database, letter, session }))) return null;
    // A run that waits for its next try, or is due again, is past what this message was part of.
    const concerns = run !== null && facts.ends && (run.state === 'queued' || run.state === 'running')
      && (facts.try === undefined || facts.try === run.attempts) && !isReplaced({ run, attempt: facts.attempt });
    const failed = concerns
      ? await moveRun({ database, session, run: run._id, to: 'failed', where: { rev: run.rev }, set: { letter: letter._id, error: { class: facts.class, message: facts.reason } } })
      : null;
    await onStep?.('before the letter commits');
    return failed;
  });
  if (moved) announceRun(parts, moved);
  return done();
}

/** Headers as the database and JSON can hold them; nested tables of the broker (`x-death`) as text. */
function plainHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typeof value === 'object' && value !== null ? JSON.stringify(value) : value]));
}
