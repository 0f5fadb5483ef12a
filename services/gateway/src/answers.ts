import { jobHealths, letterStates, runStates, runTriggers, scopes } from '@gleaner/contracts';
import { z } from 'zod';

/** The shapes of answers as schemas: what /openapi.json tells of them, and what the tests hold every answer against. */
const iso = z.iso.datetime({ precision: 3 }).meta({ description: 'ISO 8601, UTC, with milliseconds.' });
const next = z.string().optional().meta({ description: 'Cursor for `after`; absent on the last page.' });
const object = z.record(z.string(), z.unknown());
const fault = z.strictObject({ path: z.string(), code: z.string(), message: z.string() });
const counts = z.object({ received: z.int(), kept: z.int(), added: z.int(), changed: z.int(), removed: z.int(), unchanged: z.int(), duplicates: z.int().optional() });

export const problemSchema = z.looseObject({
  type: z.string(), title: z.string(), status: z.int(), code: z.string(), detail: z.string().optional(), instance: z.string().optional(), faults: z.array(fault).optional(),
}).meta({ id: 'Problem', description: 'RFC 9457. `code` is stable; people read `title` and `detail`.' });

export const jobSchema = z.looseObject({
  id: z.string(), title: z.string().optional(), version: z.int(), paused: z.boolean(), schedule: object, source: object,
  nextFire: iso.optional(), lastRun: z.strictObject({ id: z.string(), state: z.enum(runStates), endedAt: iso.optional() }).optional(),
  lastSuccessAt: iso.optional(), itemCount: z.int().optional(), health: z.enum(jobHealths), createdAt: iso, changedAt: iso,
  links: z.record(z.string(), z.string()), warnings: z.array(fault).optional(),
}).meta({ id: 'Job' });
export const jobsAnswer = z.strictObject({ jobs: z.array(jobSchema), next });
export const revisionsAnswer = z.strictObject({
  revisions: z.array(z.strictObject({ job: z.string(), version: z.int(), what: z.enum(['put', 'paused', 'resumed', 'deleted']), by: z.string(), changedAt: iso, paused: z.boolean(), definition: object })), next,
});
export const firesAnswer = z.strictObject({ fires: z.array(z.strictObject({ at: iso, note: z.enum(['gap', 'fold']).optional() })) });

export const runSchema = z.strictObject({
  id: z.string(), job: z.string(), jobVersion: z.int(), trigger: z.enum(runTriggers), state: z.enum(runStates), reason: z.string().optional(), held: z.string().optional(),
  params: object.optional(), scheduledAt: iso, publishedAt: iso.optional(), startedAt: iso.optional(), endedAt: iso.optional(), attempts: z.int(), deadline: iso.optional(), nextAttemptAt: iso.optional(),
  decision: z.strictObject({ accept: z.boolean(), by: z.string(), at: iso }).optional(), counts: counts.optional(), requests: z.int().optional(), snapshot: z.string().optional(),
  error: z.object({ class: z.string(), message: z.string(), status: z.int().optional() }).optional(), letter: z.string().optional(), count: z.int().optional(), through: iso.optional(),
  warnings: z.array(z.string()).optional(), cause: z.string().optional(), alerts: z.array(z.strictObject({ id: z.string(), sentAt: iso.optional() })).optional(),
}).meta({ id: 'Run' });
export const runsAnswer = z.strictObject({ runs: z.array(runSchema), next });

const item = z.strictObject({ key: z.string(), data: z.unknown(), since: iso }).meta({ id: 'Item' });
export const itemsAnswer = z.strictObject({ items: z.array(item), at: iso, snapshot: z.string().optional(), total: z.int().optional(), next });
const version = z.union([z.strictObject({ from: iso, to: iso.optional(), data: z.unknown() }), z.strictObject({ from: iso, to: iso.optional(), removed: z.literal(true) })]);
export const historyAnswer = z.strictObject({ key: z.string(), versions: z.array(version), next });
const snapshotSchema = z.strictObject({
  id: z.string(), job: z.string(), run: z.string(), observedAt: iso, counts: z.object({ ...counts.shape, total: z.int() }),
  request: z.object({ status: z.int().optional(), bytes: z.number(), durationMs: z.number(), etag: z.string().optional() }), cause: z.string().optional(), sameAs: z.string().optional(),
}).meta({ id: 'Snapshot' });
export const snapshotsAnswer = z.strictObject({ snapshots: z.array(snapshotSchema), next });
const keyed = z.strictObject({ key: z.string(), data: z.unknown() });
export const diffAnswer = z.strictObject({
  from: iso, to: iso, added: z.array(keyed), removed: z.array(keyed), changed: z.array(z.strictObject({ key: z.string(), before: z.unknown(), after: z.unknown() })), next,
});

export const letterSchema = z.strictObject({
  id: z.string(), queue: z.string(), job: z.string().optional(), run: z.string().optional(), class: z.string(), reason: z.string(), attempts: z.int(), firstAt: iso, deadAt: iso, replays: z.int(),
  state: z.enum(letterStates), replayOf: z.string().optional(), replay: z.looseObject({ requestedAt: iso, by: z.string() }).optional(),
  headers: object.optional(), payload: z.unknown().optional(), evidence: z.looseObject({}).optional(),
}).meta({ id: 'Letter' });
export const lettersAnswer = z.strictObject({ letters: z.array(letterSchema), next });
export const lettersMovedAnswer = z.strictObject({ dryRun: z.boolean(), matched: z.int(), ids: z.array(z.string()), marked: z.int(), jobDeleted: z.int().optional().meta({ description: 'Letters left alone because their job is deleted.' }) });

const keySchema = z.strictObject({
  id: z.string(), name: z.string(), scopes: z.array(z.enum(scopes)), createdAt: iso, createdBy: z.string(), expiresAt: iso.optional(), revokedAt: iso.optional(), revokedBy: z.string().optional(),
}).meta({ id: 'Key' });
export const keysAnswer = z.strictObject({ keys: z.array(keySchema) });
export const newKeyAnswer = z.strictObject({ ...keySchema.shape, key: z.string().meta({ description: 'The key itself: told this once.' }) });
export const auditAnswer = z.strictObject({
  audit: z.array(z.strictObject({
    id: z.string(), at: iso, by: z.string(), name: z.string(), action: z.string(), target: z.string().optional(), outcome: z.enum(['asked', 'done', 'refused', 'failed']), status: z.int().optional(), request: z.string(),
  })), next,
});

export const backfillAnswer = z.strictObject({ dryRun: z.boolean(), fires: z.int(), there: z.int(), made: z.int(), runs: z.array(z.string()) });
export const simulateAnswer = z.strictObject({
  from: iso, to: iso, truncated: z.boolean(),
  fires: z.array(z.strictObject({ job: z.string(), at: iso, trigger: z.enum(['schedule', 'after']), outcome: z.enum(['runs', 'waits', 'skipped', 'coalesced']), startsAt: iso.optional(), cancelledAt: iso.optional(), note: z.enum(['gap', 'fold']).optional() })),
  jobs: z.array(z.strictObject({ job: z.string(), fires: z.int(), runs: z.int(), skipped: z.int(), overlaps: z.int(), mostAtOnce: z.int() })),
  origins: z.array(z.strictObject({ origin: z.string(), requests: z.int(), mostPerMinute: z.int(), busiestMinute: iso.optional() })),
});
export const tryAnswer = z.looseObject({
  ok: z.boolean(), request: z.looseObject({ bytes: z.number(), durationMs: z.number() }), counts: z.looseObject({ received: z.int(), kept: z.int(), duplicates: z.int() }),
  sample: z.array(keyed), faults: z.array(fault), requests: z.int(), answer: z.looseObject({}).optional(),
});
export const seriesAnswer = z.strictObject({
  field: z.string(), from: iso, to: iso, series: z.array(z.strictObject({ key: z.string().optional(), points: z.array(z.strictObject({ at: iso, value: z.unknown() })) })),
});
