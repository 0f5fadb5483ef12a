import type { ClientSession, Filter } from 'mongodb';
import type { Evidence, LetterState } from '@gleaner/contracts';
import type { Database } from './connectDatabase.ts';
import { isDuplicateKey, moveRun, type RunDocument } from './runs.ts';

/** A message that failed for good, or a run's last failed try: with its reason, and what it takes to give it another chance. */
export interface LetterDocument {
  readonly _id: string;
  /** Work queue it belongs to: `collect` (a failed run) or `store` … */
  readonly queue: string;
  readonly job?: string;
  readonly dataset?: string;
  readonly run?: string;
  readonly try?: number;
  readonly class: string;
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: Date;
  readonly deadAt: Date;
  /** How often it was replayed: a letter that dies again is a new letter, one higher. */
  readonly replays: number;
  readonly state: LetterState;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The message's body as text; for a failed run the error. */
  readonly payload?: string;
  readonly evidence?: Evidence;
  /** Where a replay publishes it to. */
  readonly message?: { readonly exchange: string; readonly routingKey: string; readonly type?: string; readonly messageId?: string; readonly correlationId?: string; /** The payload is base64, because the body was no text. */ readonly encoding?: 'base64' };
  /** Asked for by the gateway; carried out by storage. */
  readonly replay?: { readonly requestedAt: Date; readonly by: string; readonly as?: 'original'; readonly notBefore?: Date; /** How often it could not be carried out yet. */ readonly failures?: number; readonly error?: string };
  readonly replayedAt?: Date;
  readonly discardedAt?: Date;
  readonly replayOf?: string;
}

/** Writes a letter; false where it is parked already. In a transaction a letter that is there already must be looked for first. */
export async function insertLetter({ database, letter, session }: { readonly database: Database; readonly letter: LetterDocument; readonly session?: ClientSession }): Promise<boolean> {
  if (session && (await database.collections.deadLetters.findOne({ _id: letter._id }, { session, projection: { _id: 1 } })) !== null) return false;
  try {
    await database.collections.deadLetters.insertOne(letter, session ? { session } : {});
    return true;
  } catch (error) {
    if (!session && isDuplicateKey(error)) return false;
    throw error;
  }
}

/** Marks parked letters for replay, all in one request; the count of those newly marked. `notBefore` spreads them over time, `as: original` keeps the run's job version. */
export async function requestReplay({ database, parts, by, as }: {
  readonly database: Database; readonly parts: readonly { readonly filter: Filter<LetterDocument>; readonly notBefore?: Date }[]; readonly by: string; readonly as?: 'original' | undefined;
}): Promise<number> {
  if (parts.length === 0) return 0;
  const replay = { requestedAt: database.clock.now(), by, ...(as ? { as } : {}) };
  const { modifiedCount } = await database.collections.deadLetters.bulkWrite(parts.map(({ filter, notBefore }) => ({
    updateMany: { filter: { $and: [filter, { state: 'parked', replay: { $exists: false } }] }, update: { $set: { replay: { ...replay, ...(notBefore ? { notBefore } : {}) } } } },
  })), { ordered: false });
  return modifiedCount;
}

/** Discards parked letters that nobody has asked to replay; the count. They stay readable. */
export async function discardLetters({ database, filter }: { readonly database: Database; readonly filter: Filter<LetterDocument> }): Promise<number> {
  const { modifiedCount } = await database.collections.deadLetters.updateMany(
    { $and: [filter, { state: 'parked', replay: { $exists: false } }] }, { $set: { state: 'discarded', discardedAt: database.clock.now() } });
  return modifiedCount;
}

/**
 * Gives a failed run another chance, in one transaction: run `failed → due` only where the run's letter is this one, letter → `replayed`.
 * `jobVersion` is the version it is to run with. Twice or at once, the effect comes once: the other sees a letter no longer parked.
 */
export async function replayRunLetter({ database, letter, now, session, set = {} }: {
  readonly database: Database; readonly letter: LetterDocument; readonly now: Date; readonly session: ClientSession; readonly set?: Partial<RunDocument>;
}): Promise<'replayed' | 'superseded' | 'done already'> {
  const { deadLetters } = database.collections;
  const standing = await deadLetters.findOne({ _id: letter._id }, { session });
  if (standing === null || standing.state !== 'parked') return 'done already';
  const moved = letter.run === undefined ? null : await moveRun({
    database, session, run: letter.run, to: 'due', where: { letter: letter._id },
    set: { dueAt: now, dueSince: now, reason: undefined, ...set }, unset: ['letter'],
  });
  const outcome = moved === null ? 'superseded' : 'replayed';
  await deadLetters.updateOne({ _id: letter._id }, { $set: { state: outcome, ...(moved === null ? {} : { replayedAt: now, replays: standing.replays + 1 }) } }, { session });
  return outcome;
}
