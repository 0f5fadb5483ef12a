import { createHash } from 'node:crypto';
import type { Binary } from 'mongodb';
import { ulid } from 'ulid';
import type { Database } from './connectDatabase.ts';
import { isDuplicateKey } from './runs.ts';

/** An answer as it can be given again. */
export interface KeptAnswer {
  readonly status: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Binary;
}

/** A command that came with an Idempotency-Key: under way, or answered. */
export interface IdempotencyDocument {
  /** Hash of who asked for what with which key. */
  readonly _id: string;
  /** Hash of what was asked: the same key may not ask for something else. */
  readonly asked: string;
  /** Who carries it out. */
  readonly claim: string;
  /** From then on whoever carries it out counts as dead, and another may. */
  readonly claimedUntil: Date;
  readonly expiresAt: Date;
  /** What the command acts upon, decided when it was first carried out. */
  readonly choice?: unknown;
  readonly answer?: KeptAnswer;
}

/** What became of a claim: it is ours, somebody else has it, it is answered already, or its key has asked for something else. */
export type Claim =
  | { readonly kind: 'ours'; readonly id: string; readonly claim: string }
  | { readonly kind: 'under way' }
  | { readonly kind: 'answered'; readonly answer: KeptAnswer }
  | { readonly kind: 'conflict' };

/** Longer than any command takes until its client is told that nobody knows. */
const claimMs = 60_000;
const keptMs = 24 * 3_600_000;

/** Claims a command for whoever asks first; `by`, `command` and `key` together name it, `asked` is the hash of its body. */
export async function claimCommand({ database, by, command, key, asked }: {
  readonly database: Database; readonly by: string; readonly command: string; readonly key: string; readonly asked: string;
}): Promise<Claim> {
  const { idempotency } = database.collections;
  const now = database.clock.now();
  const id = createHash('sha256').update(JSON.stringify([by, command, key])).digest('hex');
  const claim = ulid(now.getTime());
  const claimedUntil = new Date(now.getTime() + claimMs);
  try {
    await idempotency.insertOne({ _id: id, asked, claim, claimedUntil, expiresAt: new Date(now.getTime() + keptMs) });
    return { kind: 'ours', id, claim };
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
  const standing = await idempotency.findOne({ _id: id });
  if (standing === null) return { kind: 'under way' }; // it has failed just now: ask again
  if (standing.asked !== asked) return { kind: 'conflict' };
  if (standing.answer !== undefined) return { kind: 'answered', answer: standing.answer };
  if (standing.claimedUntil > now) return { kind: 'under way' };
  const { modifiedCount } = await idempotency.updateOne({ _id: id, claim: standing.claim, answer: { $exists: false } }, { $set: { claim, claimedUntil } });
  return modifiedCount === 1 ? { kind: 'ours', id, claim } : { kind: 'under way' };
}

/**
 * What the command chose when it was first carried out; where that is nothing yet, what `choose` gives, kept before anything is done with it.
 * Undefined where the claim has become somebody else's.
 */
export async function keepChoice<T>({ database, id, claim, choose }: { readonly database: Database; readonly id: string; readonly claim: string; readonly choose: () => Promise<T> }): Promise<{ readonly choice: T } | undefined> {
  const { idempotency } = database.collections;
  const standing = await idempotency.findOne({ _id: id, claim }, { projection: { choice: 1 } });
  if (standing === null) return undefined;
  if (standing.choice !== undefined) return { choice: standing.choice as T };
  const choice = await choose();
  const { matchedCount } = await idempotency.updateOne({ _id: id, claim }, { $set: { choice } });
  return matchedCount === 1 ? { choice } : undefined;
}

/** Keeps the answer of a command that was carried out, for a day. */
export async function keepAnswer({ database, id, claim, answer }: { readonly database: Database; readonly id: string; readonly claim: string; readonly answer: KeptAnswer }): Promise<void> {
  await database.collections.idempotency.updateOne({ _id: id, claim }, { $set: { answer } });
}

/** Gives up a claim whose command failed: the next one with this key is carried out anew, on the same choice where one was made, because nobody knows how far it came. */
export async function dropClaim({ database, id, claim }: { readonly database: Database; readonly id: string; readonly claim: string }): Promise<void> {
  const { idempotency } = database.collections;
  const { deletedCount } = await idempotency.deleteOne({ _id: id, claim, choice: { $exists: false } });
  if (deletedCount === 0) await idempotency.updateOne({ _id: id, claim }, { $set: { claimedUntil: new Date(0) } });
}
