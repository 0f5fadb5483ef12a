import { messageTypes, parseJob, type Batch, type BatchItem, type ChangesReport, type CompleteReport, type FailedReport, type GoneItem, type JobDefinition, type StartedReport, type UnchangedReport } from '@gleaner/contracts';
import {
  connectDatabase, historyCollectionsOf, insertRun, newRun, putJob, setupDatabase, type Database, type HistoryCollections, type JobDocument, type RunDocument,
} from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import type { Outcome, PublishRequest } from '@gleaner/broker';
import { ulid } from 'ulid';
import type { TestMongo } from '../../../../test/support/withMongo.ts';
import { withReadyMongo } from '../../../../test/support/withReadyMongo.ts';
import { layoutLimits, type LayoutLimits } from '../core/planNewest.ts';
import { handleMessage } from '../handleMessage.ts';
import { settleSetInHand } from '../handleResult.ts';
import { createHashCache } from '../hashCache.ts';
import { createKeyedTurns } from '../keyedTurns.ts';
import { createRevisionCache } from '../revisionCache.ts';
import { createSetsInHand } from '../setsInHand.ts';
import { startStateAhead } from '../stateAhead.ts';
import { transactionLimits, type StorageParts } from '../storageParts.ts';

export interface Message {
  readonly type: string;
  readonly body: Buffer;
}

export interface StorageTest {
  readonly database: Database;
  readonly history: HistoryCollections;
  readonly parts: StorageParts;
  readonly published: PublishRequest[];
  readonly announced: { readonly routingKey: string; readonly body: unknown }[];
  /** Another storage on the same database, with a cache of its own; it holds up to `held` messages of incomplete sets in memory (default none). */
  another(extra?: Partial<StorageParts>, held?: number): StorageParts;
  job(extra?: object, id?: string): Promise<JobDocument>;
  /** A run of the job, running in try 1. */
  run(job: JobDocument, name: string, extra?: Partial<RunDocument>): Promise<RunDocument>;
  handle(message: Message, parts?: StorageParts): Promise<Outcome>;
}

export const definitionOf = (extra: object = {}): JobDefinition => {
  const parsed = parseJob('job', { key: 'id', source: { http: { url: 'https://upstream.example' } }, ...extra });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.definition;
};

/** Gives a database with the history's collections and a storage on it that has no broker but lists. */
export async function withStorage(fn: (test: StorageTest) => Promise<void>, { layout = layoutLimits, limits = {}, server }: { readonly layout?: LayoutLimits; readonly limits?: Partial<typeof transactionLimits>; /** Default: a database of its own on the shared one. */ readonly server?: TestMongo } = {}): Promise<void> {
  const give = async (use: (mongo: TestMongo) => Promise<void>): Promise<void> => (server ? await use(server) : await withReadyMongo(use));
  await give(async ({ url, databaseName }) => {
    const database = await connectDatabase({ url, databaseName, appName: 'storage-test' });
    try {
      await setupDatabase({ database });
      const published: PublishRequest[] = [];
      const announced: { routingKey: string; body: unknown }[] = [];
      const history = historyCollectionsOf(database.db);
      const another = (extra: Partial<StorageParts> = {}, held = 0): StorageParts => {
        const made: StorageParts = {
          sets: createSetsInHand({ settle: (set) => settleSetInHand(made, set), goAhead: (batch) => startStateAhead(made, batch), most: held }), database, history, turns: createKeyedTurns(), revisions: createRevisionCache({ database }), cache: createHashCache({ limit: 1_000_000 }), log: createLogger({ service: 'storage-test', level: 'silent' }), random: () => 0.5, newId: () => ulid(),
        broker: { announce: (_, routingKey, body) => { announced.push({ routingKey, body }); }, publish: async (request) => { published.push(request); } },
        limits: { layout, ...transactionLimits, ...limits }, ...extra,
        };
        return made;
      };
      const parts = another();
      await fn({
        database, history, parts, published, announced, another,
        job: async (extra = {}, id = 'job') => (await putJob({ database, id, definition: definitionOf(extra), by: 'test' })).job,
        run: async (job, name, extra = {}) => {
          const now = database.clock.now();
          const run: RunDocument = {
            ...newRun({ id: `${job._id}@${name}`, job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5 }),
            state: 'running', attempts: 1, queuedAt: new Date(now.getTime() - 3_600_000), startedAt: now, lastSignAt: now, ...extra,
          };
          await insertRun({ database, run });
          return run;
        },
        handle: (message, on = parts) => handleMessage({ parts: on, delivery: message }),
      });
    } finally {
      await database.close();
    }
  });
}

export const itemsOf = (values: Readonly<Record<string, unknown>>): BatchItem[] =>
  Object.entries(values).map(([k, value]) => ({ k, h: `h:${JSON.stringify(value)}`, d: typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : { value } }));

const head = (run: RunDocument, attempt: string) =>
  ({ v: 1 as const, run: run._id, job: run.job, dataset: run.dataset, jobVersion: run.jobVersion, try: run.attempts, queuedAt: (run.queuedAt ?? run.insertedAt).toISOString(), attempt });

const messageOf = (type: string, body: object): Message => ({ type, body: Buffer.from(JSON.stringify(body)) });

/** Messages as a collector sends them; `seconds` is how long ago the answer had arrived. */
export const messages = {
  complete(run: RunDocument, values: Readonly<Record<string, unknown>> | BatchItem[], { attempt = `attempt-${run._id}`, observedAt = new Date(), ...extra }: Partial<Omit<CompleteReport, 'observedAt'>> & { observedAt?: Date } = {}): Message {
    const items = Array.isArray(values) ? values : itemsOf(values);
    const report: CompleteReport = {
      ...head(run, attempt), kind: 'complete', observedAt: observedAt.toISOString(), batches: 0, items, counts: { received: items.length, kept: items.length, duplicates: 0 },
      requests: 1, request: { status: 200, bytes: 10, durationMs: 5 }, extractionHash: 'x1', requestHash: 'r1', validators: { bodyHash: `b-${run._id}` }, ...extra,
    };
    return messageOf(messageTypes.report, report);
  },
  /** A result in several batches that go ahead of the complete report. */
  set(run: RunDocument, values: Readonly<Record<string, unknown>> | BatchItem[], { batches, attempt = `attempt-${run._id}`, observedAt = new Date(), ...extra }: { batches: number; attempt?: string; observedAt?: Date } & Partial<Omit<CompleteReport, 'observedAt'>>): Message[] {
    const items = Array.isArray(values) ? values : itemsOf(values);
    const size = Math.ceil(items.length / batches);
    const sent = Array.from({ length: batches }, (_, seq): Message => {
      const batch: Batch = { ...head(run, attempt), seq, items: items.slice(seq * size, (seq + 1) * size), ahead: { observedAt: observedAt.toISOString(), kept: Math.min(items.length, (seq + 1) * size) } };
      return messageOf(messageTypes.batch, batch);
    });
    const { items: _, ...report } = JSON.parse(messages.complete(run, [], { attempt, observedAt, batches, counts: { received: items.length, kept: items.length, duplicates: 0 }, ...extra }).body.toString()) as CompleteReport;
    return [...sent, messageOf(messageTypes.report, report)];
  },
  /** What differs from the snapshot of the run `base`, in so many batches, then the report; 0 = in one message. `kept` is how many items the answer had. */
  changes(run: RunDocument, base: string, items: readonly (BatchItem | GoneItem)[], { batches = 0, kept, ...extra }: { readonly batches?: number; readonly kept: number } & Partial<Omit<ChangesReport, 'observedAt' | 'items' | 'batches'>> & { observedAt?: Date }): Message[] {
    const all = messages.set(run, items as BatchItem[], { ...extra, batches } as never);
    const report = JSON.parse(all.at(-1)?.body.toString() ?? '') as ChangesReport;
    const sent: ChangesReport = { ...report, kind: 'changes', base, counts: { received: kept, kept, duplicates: 0 }, ...(batches === 0 ? { items } : {}) };
    return [...all.slice(0, -1), messageOf(messageTypes.report, sent)];
  },
  unchanged(run: RunDocument, base: string, { attempt = `attempt-${run._id}`, observedAt = new Date() }: { attempt?: string; observedAt?: Date } = {}): Message {
    const report: UnchangedReport = { ...head(run, attempt), kind: 'unchanged', observedAt: observedAt.toISOString(), base, requests: 1, request: { status: 304, bytes: 0, durationMs: 3 } };
    return messageOf(messageTypes.report, report);
  },
  failed(run: RunDocument, failure: Partial<FailedReport> & { class: string }, attempt = `attempt-${run._id}`): Message {
    const report: FailedReport = { ...head(run, attempt), kind: 'failed', message: `it failed: ${failure.class}`, requests: 1, ...failure };
    return messageOf(messageTypes.report, report);
  },
  started(run: RunDocument, attempt = `attempt-${run._id}`): Message {
    const report: StartedReport = { ...head(run, attempt), kind: 'started' };
    return messageOf(messageTypes.report, report);
  },
};
