import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { messageTypes, parseJob, type BatchItem, type CompleteReport } from '@gleaner/contracts';
import { connectDatabase, historyCollectionsOf, insertRun, newRun, putJob, setupDatabase, type Database, type HistoryCollections, type JobDocument, type RunDocument } from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import { cacheDirectory, provideMongod } from '@gleaner/standalone';
import { layoutLimits, type LayoutLimits } from '../../../services/storage/src/core/planNewest.ts';
import { handleMessage } from '../../../services/storage/src/handleMessage.ts';
import { settleSetInHand } from '../../../services/storage/src/handleResult.ts';
import { createHashCache } from '../../../services/storage/src/hashCache.ts';
import { createKeyedTurns } from '../../../services/storage/src/keyedTurns.ts';
import { createRevisionCache } from '../../../services/storage/src/revisionCache.ts';
import { createSetsInHand } from '../../../services/storage/src/setsInHand.ts';
import { transactionLimits, type StorageParts } from '../../../services/storage/src/storageParts.ts';
import { auctionData, keptOf } from '../parts/auctionData.ts';

export interface StorageBench {
  readonly database: Database;
  readonly history: HistoryCollections;
  readonly parts: StorageParts;
  job(id: string, extra?: object): Promise<JobDocument>;
  /** Stores a whole snapshot through the service's own handlers, in batches of at most 512 KiB as a collector sends them; ms from the first message to the commit. */
  store(job: JobDocument, items: readonly BatchItem[], options?: { readonly observedAt?: Date; readonly name?: string }): Promise<{ readonly ms: number; readonly run: RunDocument }>;
  unchanged(job: JobDocument, base: string): Promise<{ readonly ms: number; readonly run: RunDocument }>;
}

const mostBytes = 512 * 1024;

/** A mongod of its own and storage's handlers on it, in this process and without a broker: what storing costs, and nothing else. */
export async function withStorageBench(fn: (bench: StorageBench) => Promise<void>, { layout = layoutLimits, cacheGiB = 2 }: { readonly layout?: LayoutLimits; readonly cacheGiB?: number } = {}): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gleaner-history-bench-'));
  const server = await provideMongod({ directory, cache: cacheDirectory(), log: () => undefined, cacheGiB });
  const database = await connectDatabase({ url: server.url, databaseName: 'bench', appName: 'bench' });
  try {
    await setupDatabase({ database });
    const history = historyCollectionsOf(database.db);
    const parts: StorageParts = {
      database, history, cache: createHashCache({ limit: 2_000_000 }), turns: createKeyedTurns(), revisions: createRevisionCache({ database }), sets: createSetsInHand({ settle: (set) => settleSetInHand(parts, set), most: 20 }), log: createLogger({ service: 'bench', level: 'warn' }), random: () => 0.5, newId: () => ulid(),
      broker: { announce: () => undefined, publish: async () => undefined }, limits: { layout, ...transactionLimits },
    };
    let runs = 0;
    const newOne = async (job: JobDocument, name?: string): Promise<RunDocument> => {
      const now = database.clock.now();
      const run = newRun({ id: `${job._id}@${name ?? String(runs++).padStart(9, '0')}`, job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 5, extra: { state: 'running', attempts: 1, queuedAt: new Date(now.getTime() - 86_400_000), attempt: ulid() } });
      await insertRun({ database, run });
      return run;
    };
    const headOf = (run: RunDocument) => ({ v: 1 as const, run: run._id, job: run.job, dataset: run.dataset, jobVersion: run.jobVersion, try: 1, queuedAt: run.queuedAt?.toISOString() ?? '', attempt: run.attempt ?? '' });
    const deliver = async (sent: readonly { type: string; body: Buffer }[]): Promise<number> => {
      const began = performance.now();
      await Promise.all(sent.map((message) => handleMessage({ parts, delivery: message })));
      return performance.now() - began;
    };
    const expectApplied = async (run: RunDocument): Promise<void> => {
      const ended = await database.collections.runs.findOne({ _id: run._id });
      if (ended?.state !== 'succeeded' && ended?.state !== 'unchanged') throw new Error(`expected ${run._id} to be applied; it is ${ended?.state}: ${JSON.stringify(ended?.error)}`);
    };
    await fn({
      database, history, parts,
      job: async (id, extra = {}) => {
        const parsed = parseJob(id, { key: 'id', source: { http: { url: 'https://upstream.example' } }, ...extra });
        if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
        return (await putJob({ database, id, definition: parsed.definition, by: 'bench' })).job;
      },
      store: async (job, items, { observedAt = new Date(), name } = {}) => {
        const run = await newOne(job, name);
        const lists: BatchItem[][] = [[]];
        let bytes = 0;
        for (const item of items) {
          bytes += JSON.stringify(item).length;
          if (bytes > mostBytes) {
            lists.push([]);
            bytes = 0;
          }
          lists.at(-1)?.push(item);
        }
        const one = lists.length === 1;
        const report: CompleteReport = {
          ...headOf(run), kind: 'complete', observedAt: observedAt.toISOString(), batches: one ? 0 : lists.length, counts: { received: items.length, kept: items.length, duplicates: 0 },
          requests: 1, request: { status: 200, bytes: 1, durationMs: 1 }, extractionHash: 'x', requestHash: 'r', validators: { bodyHash: run._id }, ...(one ? { items } : {}),
        };
        const batches = one ? [] : lists.map((list, seq) => ({ type: messageTypes.batch, body: Buffer.from(JSON.stringify({ ...headOf(run), seq, items: list })) }));
        const ms = await deliver([...batches, { type: messageTypes.report, body: Buffer.from(JSON.stringify(report)) }]);
        await expectApplied(run);
        return { ms, run };
      },
      unchanged: async (job, base) => {
        const run = await newOne(job);
        const body = { ...headOf(run), kind: 'unchanged', observedAt: new Date().toISOString(), base, requests: 1, request: { status: 304, bytes: 0, durationMs: 1 } };
        const ms = await deliver([{ type: messageTypes.report, body: Buffer.from(JSON.stringify(body)) }]);
        await expectApplied(run);
        return { ms, run };
      },
    });
  } finally {
    await database.close();
    await server.stop({ signal: 'SIGKILL' });
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The recorded (or simulated) auction list as batch items; `round` and `share` move the price of that share of them. */
export function auctionItems({ round = 0, share = 0 }: { readonly round?: number; readonly share?: number } = {}): BatchItem[] {
  const stride = share === 0 ? 0 : Math.round(1 / share);
  return base().map((item, place) => {
    const moved = stride > 0 && (place + round * 37) % stride === 0 ? round : 0;
    const d = moved === 0 ? item : { ...item, marketValue: (item['marketValue'] as number) + moved };
    return { k: String(item['id']), h: `${place.toString(36)}.${moved}`, d };
  });
}

let kept: readonly Record<string, unknown>[] | undefined;
const base = (): readonly Record<string, unknown>[] => (kept ??= auctionData().items.map((item) => keptOf(item)).toSorted((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1)));

/** The yardstick: the same documents through the bare driver's insertMany, acknowledged by the journal of a majority; ms. */
export async function rawInsertMs(database: Database, items: readonly BatchItem[], name: string): Promise<number> {
  const collection = await database.db.createCollection<{ _id: string }>(`raw_${name}`);
  const documents = items.map(({ k, d }) => ({ _id: k, ...d }));
  const began = performance.now();
  await collection.insertMany(documents);
  const ms = performance.now() - began;
  await collection.drop();
  return ms;
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
export const quantile = (values: readonly number[], share: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
export const print = (row: object): void => { process.stdout.write(`${JSON.stringify(row)}\n`); };
