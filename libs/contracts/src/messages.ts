import { z } from 'zod';
import type { Extraction, Source } from './job.ts';
import type { Evidence } from './failures.ts';

/** The `type` property of each message, checked before its body is read: its number grows when a reader of the older form could misread the newer, and what a reader does not know becomes a dead letter, not a guess. */
export const messageTypes = { tick: 'tick.v1', batch: 'batch.v1', report: 'report.v1', probe: 'probe.v1' } as const;

/** What every message about a try repeats, so that a late one is known for what it is. */
export interface TryHead {
  readonly run: string;
  readonly job: string;
  readonly dataset: string;
  readonly jobVersion: number;
  /** Which try of the run, from 1. */
  readonly try: number;
  /** When the try was queued, ISO, database time. */
  readonly queuedAt: string;
}

/** What an upstream answered last time, of the newest applied snapshot with the same extraction and request. */
export interface Validators {
  /** Run whose snapshot they come from: `unchanged` repeats that snapshot. */
  readonly run: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Hash over all bodies of the answer. */
  readonly bodyHash: string;
}

/** Inputs of a run, frozen when it was made, so that every try asks the same. */
export interface RunInputs {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly forEach?: readonly string[];
  readonly trigger?: { readonly run: string; readonly items: readonly unknown[]; readonly item?: unknown };
}

/** Asks a collector to do a run. Holds no secret: `{{ secret.X }}` is resolved by the collector. */
export interface Tick extends TryHead {
  readonly v: 1;
  /** The planned moment of the fire (or of the request), ISO: `{{ fire.at }}`. */
  readonly fireAt: string;
  readonly source: Source;
  readonly extraction: Extraction;
  readonly extractionHash: string;
  readonly requestHash: string;
  readonly inputs: RunInputs;
  readonly validators?: Validators;
  /** Milliseconds an attempt may last. */
  readonly maxDuration: number;
  readonly retainRaw?: boolean;
  /** Least ms from the start of one request of this attempt to the start of the next (pages, `forEach`, redirects, token requests): its share of the origin's requests per minute. */
  readonly spacing?: number;
  /** Lease token of the leader that published it: for diagnosis only. */
  readonly token: number;
}

/** One item on its way: key, hash of its data (equal data, equal hash, whatever the order of its properties), data. */
export interface BatchItem {
  readonly k: string;
  readonly h: string;
  readonly d: Readonly<Record<string, unknown>>;
}

/** In a list of changes: the snapshot that they are changes of has this key, and the answer has not. */
export interface GoneItem {
  readonly k: string;
  readonly gone: true;
}

/** Some items of an attempt. `seq` counts from 0. */
export interface Batch extends TryHead {
  readonly v: 1;
  readonly attempt: string;
  readonly seq: number;
  /** With gone ones only where the attempt ends in a `changes` report. */
  readonly items: readonly (BatchItem | GoneItem)[];
  /** In batches that are sent while an answer that has arrived is still being read, so that storage can go ahead too. */
  readonly ahead?: {
    /** As the report will have it. */
    readonly observedAt: string;
    /** Items seen up to here; those that are not in a batch are as they were before. */
    readonly kept: number;
  };
}

/** The facts of the request(s) that made a snapshot. */
export interface RequestFacts {
  readonly status?: number;
  readonly bytes: number;
  readonly durationMs: number;
  readonly etag?: string;
}

interface ReportHead extends TryHead {
  readonly v: 1;
  readonly attempt: string;
  /** When the attempt began, by the collector's clock, ISO; storage clamps it. For those that ended before they said that they had begun. */
  readonly startedAt?: string;
}
export interface StartedReport extends ReportHead { readonly kind: 'started' }
export interface HeartbeatReport extends ReportHead { readonly kind: 'heartbeat'; readonly n: number; readonly progress?: { readonly requests: number; readonly received: number } }
export interface FailedReport extends ReportHead {
  readonly kind: 'failed';
  readonly class: string;
  readonly message: string;
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** Whose answer it was, where one came: what `Retry-After` asked for holds for it. */
  readonly origin?: string;
  readonly evidence?: Evidence;
  readonly requests: number;
}
export interface UnchangedReport extends ReportHead {
  readonly kind: 'unchanged';
  /** The collector's clock when the last answer had arrived, ISO; storage clamps it. */
  readonly observedAt: string;
  /** Run whose snapshot was observed again. */
  readonly base: string;
  readonly requests: number;
  readonly request: RequestFacts;
}
export interface CompleteReport extends ReportHead {
  readonly kind: 'complete';
  readonly observedAt: string;
  /** How many batch messages belong to the attempt. */
  readonly batches: number;
  /** The items, or the last of them, where they fit in this message. */
  readonly items?: readonly BatchItem[];
  readonly counts: { readonly received: number; readonly kept: number; readonly duplicates: number };
  readonly requests: number;
  readonly request: RequestFacts;
  readonly extractionHash: string;
  readonly requestHash: string;
  /** Absent where another such answer could not be recognised (partial jobs). */
  readonly validators?: Omit<Validators, 'run'>;
  readonly warnings?: readonly string[];
}
/**
 * The answer differs from the snapshot of the run `base` only in the items sent: everything else is there as it was. `counts` are of the whole answer.
 * A kind of its own, so that a reader that does not know it makes a letter of it instead of taking the changes for all there is.
 */
export interface ChangesReport extends Omit<CompleteReport, 'kind' | 'items'> {
  readonly kind: 'changes';
  readonly base: string;
  readonly items?: readonly (BatchItem | GoneItem)[];
}
export type Report = StartedReport | HeartbeatReport | FailedReport | UnchangedReport | CompleteReport | ChangesReport;

/** Sent by the leader through `store` to learn whether storage has handled what was sent before it. */
export interface Probe {
  readonly v: 1;
  readonly run: string;
  readonly try: number;
  readonly at: string;
}

/** Fanned out to collectors, best effort: the state of the run, not this message, is what counts. */
export type ControlMessage =
  | { readonly kind: 'abort'; readonly run: string; /** This try and those before it: a failed run may be given another. */ readonly try: number; readonly reason: string }
  | { readonly kind: 'pause-origin'; readonly origin: string; readonly until: string };

/** A run has moved, a job has changed: shown live, and a wake-up for the leader. May be lost. Routing keys `run.<state>` and `job.<what>`. */
export type EventMessage =
  | { readonly kind: 'run'; readonly run: string; readonly job: string; readonly state: string; readonly rev: number; readonly at: string }
  | { readonly kind: 'job'; readonly job: string; readonly version: number; readonly what: 'changed' | 'deleted' | 'paused' | 'resumed'; readonly at: string };

/**
 * A wake-up for a service that finds what it is about in the database, now instead of with its next scan; may be lost. `reported`: the last report of
 * a try that had been given up, or whose run had ended before, has come: its slot is free (for the leader). `command`: letters or decisions were marked (for storage).
 */
export type WakeMessage =
  | { readonly kind: 'reported'; readonly run: string; readonly try: number }
  | { readonly kind: 'command'; readonly what: 'replay' | 'decision' };
/** The routing key of a wake-up, on the exchange of events. */
export const wakeKeys = { reported: 'wake.reported', command: 'wake.command' } as const;

const tryHead = {
  run: z.string().min(1).max(512), job: z.string().min(1).max(63), dataset: z.string().min(1).max(64), jobVersion: z.int().min(1), try: z.int().min(1), queuedAt: z.iso.datetime(),
};
const attempt = z.string().min(1).max(64);
const facts = z.looseObject({ status: z.int().optional(), bytes: z.number(), durationMs: z.number(), etag: z.string().optional() });
const listOfItems = z.custom<readonly (BatchItem | GoneItem)[]>((value) => Array.isArray(value), 'expected a list of items'); // items are checked where they are used: a schema for each would cost more than storing them

const tickSchema = z.looseObject({
  v: z.literal(1), ...tryHead, fireAt: z.iso.datetime(), source: z.looseObject({}), extraction: z.looseObject({}), extractionHash: z.string(), requestHash: z.string(),
  inputs: z.looseObject({}), maxDuration: z.int().min(1), token: z.int(),
});
const batchSchema = z.looseObject({ v: z.literal(1), ...tryHead, attempt, seq: z.int().min(0), items: listOfItems, ahead: z.looseObject({ observedAt: z.iso.datetime(), kept: z.int().min(0) }).optional() });
const reportHead = { v: z.literal(1), ...tryHead, attempt, startedAt: z.iso.datetime().optional() };
const complete = {
  observedAt: z.iso.datetime(), batches: z.int().min(0), items: listOfItems.optional(),
  counts: z.looseObject({ received: z.int(), kept: z.int(), duplicates: z.int() }), requests: z.int(), request: facts, extractionHash: z.string(), requestHash: z.string(),
};
const reportSchema = z.discriminatedUnion('kind', [
  z.looseObject({ ...reportHead, kind: z.literal('started') }),
  z.looseObject({ ...reportHead, kind: z.literal('heartbeat'), n: z.int() }),
  z.looseObject({ ...reportHead, kind: z.literal('failed'), class: z.string().min(1), message: z.string(), requests: z.int(), status: z.int().optional(), retryAfterMs: z.number().optional(), origin: z.string().max(512).optional() }),
  z.looseObject({ ...reportHead, kind: z.literal('unchanged'), observedAt: z.iso.datetime(), base: z.string().min(1), requests: z.int(), request: facts }),
  z.looseObject({ ...reportHead, kind: z.literal('complete'), ...complete }),
  z.looseObject({ ...reportHead, kind: z.literal('changes'), base: z.string().min(1), ...complete }),
]);
const probeSchema = z.looseObject({ v: z.literal(1), run: z.string().min(1), try: z.int().min(1), at: z.iso.datetime() });

export type ReadMessage =
  | { readonly ok: true; readonly type: 'tick'; readonly tick: Tick }
  | { readonly ok: true; readonly type: 'batch'; readonly batch: Batch }
  | { readonly ok: true; readonly type: 'report'; readonly report: Report }
  | { readonly ok: true; readonly type: 'probe'; readonly probe: Probe }
  | { readonly ok: false; readonly class: 'unreadable'; readonly reason: string };

/** Reads a message of any type; what cannot be read says why, for the letter that it becomes. Never throws. */
export function readMessage(type: string | undefined, body: Buffer | string): ReadMessage {
  const schema = schemaOf(type);
  if (!schema) return { ok: false, class: 'unreadable', reason: `expected one of ${Object.values(messageTypes).join(', ')} as the message's type; saw ${JSON.stringify(type)}` };
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch (error) {
    return { ok: false, class: 'unreadable', reason: `expected JSON in a ${type} message: ${String(error)}` };
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    return { ok: false, class: 'unreadable', reason: `expected a ${type} message; ${first?.path.map(String).join('.') ?? ''}: ${first?.message ?? 'unknown'}` };
  }
  switch (type) {
    case messageTypes.tick: return { ok: true, type: 'tick', tick: parsed.data as unknown as Tick };
    case messageTypes.batch: return { ok: true, type: 'batch', batch: parsed.data as unknown as Batch };
    case messageTypes.report: return { ok: true, type: 'report', report: parsed.data as unknown as Report };
    default: return { ok: true, type: 'probe', probe: parsed.data as unknown as Probe };
  }
}

function schemaOf(type: string | undefined) {
  switch (type) {
    case messageTypes.tick: return tickSchema;
    case messageTypes.batch: return batchSchema;
    case messageTypes.report: return reportSchema;
    case messageTypes.probe: return probeSchema;
    default: return undefined;
  }
}
