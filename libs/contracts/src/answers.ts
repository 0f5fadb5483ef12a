import { z } from 'zod';
import type { Evidence } from './failures.ts';
import type { Fault, JobDefinition } from './job.ts';
import { jobHealths, letterStates, scopes } from './answerWords.ts';
import { runStates, runTriggers } from './runStates.ts';

/**
 * The shapes of the gateway's answers, in one place: what it answers, what /openapi.json tells of it, what clients read, and what the tests hold
 * every answer against. Times are ISO 8601 UTC with ms, durations ms, unknown = absent. The schemas are not part of the package's index: to build them
 * takes every process that loads it milliseconds and megabytes, and only the gateway (and tests) need them; the types are.
 */

/** What a schema lets through, as one reads it: nothing in it may be changed, and what is unknown is absent. */
type Told<S extends z.ZodType> = Read<z.output<S>>;
type Read<T> = T extends readonly (infer E)[] ? readonly Read<E>[] : T extends object ? { readonly [K in keyof T]: Read<Exclude<T[K], undefined>> } : T;

const iso = z.iso.datetime({ precision: 3 }).meta({ description: 'ISO 8601, UTC, with milliseconds.' });
const next = z.string().optional().meta({ description: 'Cursor for `after`; absent on the last page.' });
const object = z.record(z.string(), z.unknown());
const fault = z.strictObject({ path: z.string(), code: z.string(), message: z.string() }) satisfies z.ZodType<Fault>;
const counts = z.object({ received: z.int(), kept: z.int(), added: z.int(), changed: z.int(), removed: z.int(), unchanged: z.int(), duplicates: z.int().optional() });
export type Counts = Told<typeof counts>;

export const problemSchema = z.looseObject({
  type: z.string(), title: z.string(), status: z.int(), code: z.string(), detail: z.string().optional(), instance: z.string().optional(), faults: z.array(fault).optional(),
}).meta({ id: 'Problem', description: 'RFC 9457. `code` is stable; people read `title` and `detail`.' });
export type Problem = Told<typeof problemSchema>;

const jobFacts = z.strictObject({
  id: z.string(), version: z.int(), paused: z.boolean(),
  nextFire: iso.optional(), lastRun: z.strictObject({ id: z.string(), state: z.enum(runStates), endedAt: iso.optional() }).optional(),
  lastSuccessAt: iso.optional(), itemCount: z.int().optional(), health: z.enum(jobHealths), createdAt: iso, changedAt: iso,
  links: z.record(z.string(), z.string()), warnings: z.array(fault).optional(),
});
/** A job's definition, as /v1/jobs documents it for PUT, with what is known of the job. */
export const jobSchema = z.looseObject({ ...jobFacts.shape, title: z.string().optional(), schedule: object, source: object }).meta({ id: 'Job' });
export interface JobAnswer extends JobDefinition, Told<typeof jobFacts> {}
export const jobsAnswer = z.strictObject({ jobs: z.array(jobSchema), next });
export const revisionsAnswer = z.strictObject({
  revisions: z.array(z.strictObject({ job: z.string(), version: z.int(), what: z.enum(['put', 'paused', 'resumed', 'deleted']), by: z.string(), changedAt: iso, paused: z.boolean(), definition: object })), next,
});
export const firesAnswer = z.strictObject({ fires: z.array(z.strictObject({ at: iso, note: z.enum(['gap', 'fold']).optional() })) });
export type FiresAnswer = Told<typeof firesAnswer>;

export const runSchema = z.strictObject({
  id: z.string(), job: z.string(), jobVersion: z.int(), trigger: z.enum(runTriggers), state: z.enum(runStates), reason: z.string().optional(), held: z.string().optional(),
  params: object.optional(), scheduledAt: iso, publishedAt: iso.optional(), startedAt: iso.optional(), endedAt: iso.optional(), attempts: z.int(), deadline: iso.optional(), nextAttemptAt: iso.optional(),
  decision: z.strictObject({ accept: z.boolean(), by: z.string(), at: iso }).optional(), counts: counts.optional(), requests: z.int().optional(), snapshot: z.string().optional(),
  error: z.object({ class: z.string(), message: z.string(), status: z.int().optional() }).optional(), letter: z.string().optional(), count: z.int().optional().meta({ description: 'Fires that a row of missed or paused ones stands for.' }), through: iso.optional().meta({ description: 'The last of them.' }),
  warnings: z.array(z.string()).optional(), cause: z.string().optional().meta({ description: '`definition`: the first snapshot of a changed definition, whose changes are not the upstream\'s.' }), alerts: z.array(z.strictObject({ id: z.string(), sentAt: iso.optional() })).optional(),
}).meta({ id: 'Run' });
export type RunAnswer = Told<typeof runSchema>;
export const runsAnswer = z.strictObject({ runs: z.array(runSchema), next });

const item = z.strictObject({ key: z.string(), data: z.unknown(), since: iso }).meta({ id: 'Item' });
export const itemsAnswer = z.strictObject({ items: z.array(item), at: iso, snapshot: z.string().optional(), total: z.int().optional(), next });
export type ItemsAnswer = Told<typeof itemsAnswer>;
const version = z.union([z.strictObject({ from: iso, to: iso.optional(), data: z.unknown() }), z.strictObject({ from: iso, to: iso.optional(), removed: z.literal(true) })]);
export const historyAnswer = z.strictObject({ key: z.string(), versions: z.array(version), next });
export type HistoryAnswer = Told<typeof historyAnswer>;
const snapshotSchema = z.strictObject({
  id: z.string(), job: z.string(), run: z.string(), observedAt: iso, counts: z.object({ ...counts.shape, total: z.int() }),
  request: z.object({ status: z.int().optional(), bytes: z.number(), durationMs: z.number(), etag: z.string().optional() }), cause: z.string().optional(), sameAs: z.string().optional(),
}).meta({ id: 'Snapshot' });
export type SnapshotAnswer = Told<typeof snapshotSchema>;
export const snapshotsAnswer = z.strictObject({ snapshots: z.array(snapshotSchema), next });
const keyed = z.strictObject({ key: z.string(), data: z.unknown() });
export const diffAnswer = z.strictObject({
  from: iso, to: iso, added: z.array(keyed), removed: z.array(keyed), changed: z.array(z.strictObject({ key: z.string(), before: z.unknown(), after: z.unknown() })), next,
});
export type DiffAnswer = Told<typeof diffAnswer>;

export const letterSchema = z.strictObject({
  id: z.string(), queue: z.string(), job: z.string().optional(), run: z.string().optional(), class: z.string(), reason: z.string(), attempts: z.int(), firstAt: iso, deadAt: iso, replays: z.int(),
  state: z.enum(letterStates), replayOf: z.string().optional(), replay: z.looseObject({ requestedAt: iso, by: z.string() }).optional(),
  headers: object.optional(), payload: z.unknown().optional(), evidence: z.looseObject({}).optional(),
}).meta({ id: 'Letter' });
export type LetterAnswer = Omit<Told<typeof letterSchema>, 'evidence'> & { readonly evidence?: Evidence };
export const lettersAnswer = z.strictObject({ letters: z.array(letterSchema), next });
export const lettersMovedAnswer = z.strictObject({ dryRun: z.boolean(), matched: z.int(), ids: z.array(z.string()), marked: z.int(), jobDeleted: z.int().optional().meta({ description: 'Letters left alone because their job is deleted.' }) });
export type LettersMoved = Told<typeof lettersMovedAnswer>;

const keySchema = z.strictObject({
  id: z.string(), name: z.string(), scopes: z.array(z.enum(scopes)), createdAt: iso, createdBy: z.string(), expiresAt: iso.optional(), revokedAt: iso.optional(), revokedBy: z.string().optional(),
}).meta({ id: 'Key' });
export const keysAnswer = z.strictObject({ keys: z.array(keySchema) });
export const newKeyAnswer = z.strictObject({ ...keySchema.shape, key: z.string().meta({ description: 'The key itself: told this once.' }) });
export type NewKeyAnswer = Told<typeof newKeyAnswer>;
export const auditAnswer = z.strictObject({
  audit: z.array(z.strictObject({
    id: z.string(), at: iso, by: z.string(), name: z.string(), action: z.string(), target: z.string().optional(), outcome: z.enum(['asked', 'done', 'refused', 'failed']), status: z.int().optional(), request: z.string(),
  })), next,
});

export const backfillAnswer = z.strictObject({ dryRun: z.boolean(), fires: z.int(), there: z.int(), made: z.int(), runs: z.array(z.string()) });
export type BackfillAnswer = Told<typeof backfillAnswer>;
export const simulateAnswer = z.strictObject({
  from: iso, to: iso, truncated: z.boolean(),
  fires: z.array(z.strictObject({ job: z.string(), at: iso, trigger: z.enum(['schedule', 'after']), outcome: z.enum(['runs', 'waits', 'skipped', 'coalesced']), startsAt: iso.optional(), cancelledAt: iso.optional(), note: z.enum(['gap', 'fold']).optional() })),
  jobs: z.array(z.strictObject({ job: z.string(), fires: z.int(), runs: z.int(), skipped: z.int(), overlaps: z.int(), mostAtOnce: z.int() })),
  origins: z.array(z.strictObject({ origin: z.string(), requests: z.int(), mostPerMinute: z.int(), busiestMinute: iso.optional() })),
});
export type SimulateAnswer = Told<typeof simulateAnswer>;
const evidence = z.strictObject({
  url: z.string().optional(), method: z.string().optional(), status: z.int().optional(), headers: z.record(z.string(), z.string()).optional(),
  body: z.string().optional().meta({ description: 'Its first 4 KiB, as text.' }), bodyBytes: z.int().optional(), durationMs: z.number().optional(),
});
export const tryAnswer = z.strictObject({
  ok: z.boolean(), request: z.strictObject({ status: z.int().optional(), bytes: z.number(), durationMs: z.number(), etag: z.string().optional() }),
  counts: z.strictObject({ received: z.int(), kept: z.int(), duplicates: z.int() }).meta({ description: 'Found upstream; kept after `where` and keys; keys that came again with other data.' }),
  sample: z.array(keyed), faults: z.array(fault), requests: z.int(), answer: evidence.optional().meta({ description: 'The head of the last answer, secrets taken out.' }),
});
/** What a try found. A failed one has its failure as the first fault (`code` is the failure class) and shows how far it came. */
export type TryAnswer = Told<typeof tryAnswer>;
export const seriesAnswer = z.strictObject({
  field: z.string(), from: iso, to: iso, series: z.array(z.strictObject({ key: z.string().optional(), points: z.array(z.strictObject({ at: iso, value: z.unknown() })) })),
});
export type SeriesAnswer = Told<typeof seriesAnswer>;
