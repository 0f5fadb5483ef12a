import { createHash } from 'node:crypto';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Id of the run of a fire: the same for everyone who computes it, so that two leaders cannot make two runs of one fire. */
export const fireRunId = (job: string, scheduledAt: Date): string => `${job}@${scheduledAt.toISOString()}`;

/** Id of a run that a person or a program asked for. */
export const askedRunId = (job: string, ulid: string): string => `${job}@${ulid}`;

/** Id of a run triggered by the outcome of another. */
export const triggeredRunId = (job: string, parentRun: string, outcome: string): string =>
  `${job}@after-${sha256(`${parentRun}\n${outcome}`).slice(0, 20)}`;

/** Id of the one row that stands for a stretch of missed fires. */
export const missedStretchId = (job: string, first: Date): string => `${job}@missed-${first.toISOString()}`;

/** Id of the one row that stands for a stretch of fires skipped while the job was paused. */
export const pausedStretchId = (job: string, first: Date): string => `${job}@paused-${first.toISOString()}`;

/** The order of snapshots as one string that sorts like `(observedAt, run id)`. */
export const positionOf = (observedAt: Date, run: string): string => `${observedAt.toISOString()}|${run}`;

/** The smallest string that sorts after every position at or before this moment: `at` is inclusive. */
export const positionAfter = (at: Date): string => `${at.toISOString()}|\u{10FFFF}`;

/** The moment a position stands for. */
export const observedAtOf = (position: string): Date => new Date(position.slice(0, position.indexOf('|')));

/** Id of the letter that a failed try becomes: the same however often the failure is handled. */
export const letterIdOfTry = (run: string, attempt: number): string => sha256(`collect\n${run}\n${attempt}`).slice(0, 32);

/** Id of the letter that a dead message becomes: the same however often it is parked. */
export const letterIdOfMessage = (queue: string, messageId: string, firstDeadAt: string): string =>
  sha256(`${queue}\n${messageId}\n${firstDeadAt}`).slice(0, 32);

/** Message ids: deterministic, so that a repeated publish is recognised as the same message. */
export const messageIds = {
  tick: (run: string, attemptNumber: number): string => `tick:${run}:${attemptNumber}`,
  batch: (attempt: string, seq: number): string => `batch:${attempt}:${seq}`,
  report: (attempt: string, kind: string, n = 0): string => `report:${attempt}:${kind}:${n}`,
  probe: (run: string, attemptNumber: number, n: number): string => `probe:${run}:${attemptNumber}:${n}`,
};
