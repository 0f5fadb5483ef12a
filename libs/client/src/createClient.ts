import type {
  BackfillAnswer, DiffAnswer, FiresAnswer, HistoryAnswer, ItemsAnswer, JobAnswer, JobInput, LetterAnswer, LettersMoved, NewKeyAnswer, RunAnswer, RunState, Scope, SeriesAnswer, SimulateAnswer, SnapshotAnswer, TryAnswer,
} from '@gleaner/contracts';
import { isEnded } from '@gleaner/contracts';
import type { LetterSelection, SimulateRequest } from './requests.ts';
import { createTransport, pathOf, type Query, type Reply, type Transport } from './createTransport.ts';
import { readEvents, type LiveEvent } from './readEvents.ts';

export interface ListOptions {
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
}
type Page<Name extends string, T> = { readonly [K in Name]: readonly T[] } & { readonly next?: string };

export interface ItemsOptions extends ListOptions {
  readonly at?: Date | string | undefined;
  readonly run?: string | undefined;
  readonly key?: readonly string[] | undefined;
  readonly where?: Readonly<Record<string, unknown>> | undefined;
  readonly fields?: readonly string[] | undefined;
}
export interface RunsOptions extends ListOptions {
  readonly job?: string | undefined;
  readonly state?: readonly RunState[] | undefined;
  readonly since?: Date | string | undefined;
}

/** The gateway's API, typed. Every call throws ApiError for a problem and UnreachableError where nobody answers. */
export interface Client {
  readonly transport: Transport;
  listJobs(options?: ListOptions & { readonly paused?: boolean }): Promise<Page<'jobs', JobAnswer>>;
  getJob(job: string): Promise<JobAnswer>;
  /** Creates or replaces; `created` tells which. `ifVersion` = only while the job is at it. */
  putJob(job: string, definition: JobInput, options?: { readonly ifVersion?: number }): Promise<{ readonly job: JobAnswer; readonly created: boolean }>;
  /** The same from the text of a file. */
  putJobText(job: string, text: string, type: 'application/json' | 'application/yaml'): Promise<{ readonly job: JobAnswer; readonly created: boolean }>;
  deleteJob(job: string): Promise<void>;
  pauseJob(job: string): Promise<JobAnswer>;
  resumeJob(job: string): Promise<JobAnswer>;
  listFires(job: string, options?: { readonly count?: number; readonly from?: Date | string }): Promise<FiresAnswer>;
  startRun(job: string, options?: { readonly params?: Readonly<Record<string, unknown>>; readonly idempotencyKey?: string }): Promise<RunAnswer>;
  backfill(job: string, stretch: { readonly from: string; readonly to: string; readonly dryRun?: boolean }): Promise<BackfillAnswer>;
  listRuns(options?: RunsOptions): Promise<Page<'runs', RunAnswer>>;
  getRun(run: string): Promise<RunAnswer>;
  /** Waits until a run has ended (polling, 0.2 s to 2 s apart); undefined where `timeoutMs` is over first. */
  waitForRun(run: string, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<RunAnswer | undefined>;
  cancelRun(run: string): Promise<void>;
  retryRun(run: string): Promise<RunAnswer>;
  acceptRun(run: string): Promise<RunAnswer>;
  rejectRun(run: string): Promise<RunAnswer>;
  listSnapshots(job: string, options?: ListOptions): Promise<Page<'snapshots', SnapshotAnswer>>;
  listItems(job: string, options?: ItemsOptions): Promise<ItemsAnswer>;
  /** A page as text, numbers to the last digit: one item a line (ndjson), or csv. `next` is the cursor, where more follows. */
  itemsText(job: string, type: 'application/x-ndjson' | 'text/csv', options?: ItemsOptions): Promise<{ readonly text: string; readonly next: string | undefined }>;
  getHistory(job: string, key: string, options?: ListOptions): Promise<HistoryAnswer>;
  getDiff(job: string, options: ListOptions & { readonly from: string; readonly to?: string | undefined }): Promise<DiffAnswer>;
  getSeries(job: string, options: { readonly field: string; readonly key?: readonly string[]; readonly from?: string; readonly to?: string; readonly step?: string }): Promise<SeriesAnswer>;
  listLetters(options?: ListOptions & { readonly queue?: string; readonly job?: string; readonly class?: string; readonly state?: readonly string[] }): Promise<Page<'letters', LetterAnswer>>;
  getLetter(id: string): Promise<LetterAnswer>;
  replayLetters(selection: LetterSelection & { readonly rate?: number; readonly as?: 'original' }): Promise<LettersMoved>;
  discardLetters(selection: LetterSelection): Promise<LettersMoved>;
  simulate(request: SimulateRequest): Promise<SimulateAnswer>;
  tryJob(text: string, type: 'application/json' | 'application/yaml', options?: { readonly sample?: number | undefined; readonly params?: Readonly<Record<string, unknown>> | undefined }): Promise<TryAnswer>;
  createKey(key: { readonly name: string; readonly scopes: readonly Scope[]; readonly expiresAt?: string }): Promise<NewKeyAnswer>;
  revokeKey(id: string): Promise<void>;
  /** Live events until the signal ends it; comes back by itself after a break, `gap` where some may be missing. */
  events(options?: { readonly job?: string | undefined; readonly signal?: AbortSignal }): AsyncGenerator<LiveEvent>;
}

/** A client of one gateway. `key` is a key of it; `fetch` is for tests. */
export function createClient(options: { readonly url: string; readonly key?: string | undefined; readonly fetch?: typeof fetch; readonly timeoutMs?: number }): Client {
  const transport = createTransport(options);
  const { json, send } = transport;
  const done = async (reply: Promise<Reply>): Promise<void> => void (await reply);
  const get = async <T>(path: string, query?: Query): Promise<T> => await json<T>('GET', path, { query });
  const put = async (job: string, text: string, type: string, ifVersion?: number) => {
    const reply = await send('PUT', pathOf`/v1/jobs/${job}`, { raw: { text, type }, headers: { 'if-match': ifVersion === undefined ? undefined : `"${ifVersion}"` } });
    return { job: JSON.parse(reply.text) as JobAnswer, created: reply.status === 201 };
  };
  const client: Client = {
    transport,
    listJobs: async (query = {}) => await get('/v1/jobs', { ...query }),
    getJob: async (job) => await get(pathOf`/v1/jobs/${job}`),
    putJob: async (job, definition, { ifVersion } = {}) => await put(job, JSON.stringify(definition), 'application/json', ifVersion),
    putJobText: async (job, text, type) => await put(job, text, type),
    deleteJob: async (job) => await done(send('DELETE', pathOf`/v1/jobs/${job}`)),
    pauseJob: async (job) => await json('POST', pathOf`/v1/jobs/${job}/pause`),
    resumeJob: async (job) => await json('POST', pathOf`/v1/jobs/${job}/resume`),
    listFires: async (job, query = {}) => await get(pathOf`/v1/jobs/${job}/fires`, { ...query }),
    startRun: async (job, { params, idempotencyKey } = {}) => await json('POST', pathOf`/v1/jobs/${job}/runs`, { body: params ? { params } : {}, headers: { 'idempotency-key': idempotencyKey } }),
    backfill: async (job, stretch) => await json('POST', pathOf`/v1/jobs/${job}/backfill`, { body: stretch }),
    listRuns: async ({ state, ...query } = {}) => await get('/v1/runs', { ...query, state: state?.join(',') }),
    getRun: async (run) => await get(pathOf`/v1/runs/${run}`),
    waitForRun: async (run, { timeoutMs, signal }) => await waitForRun({ client, run, timeoutMs, signal }),
    cancelRun: async (run) => await done(send('DELETE', pathOf`/v1/runs/${run}`)),
    retryRun: async (run) => await json('POST', pathOf`/v1/runs/${run}/retry`),
    acceptRun: async (run) => await json('POST', pathOf`/v1/runs/${run}/accept`),
    rejectRun: async (run) => await json('POST', pathOf`/v1/runs/${run}/reject`),
    listSnapshots: async (job, query = {}) => await get(pathOf`/v1/jobs/${job}/snapshots`, { ...query }),
    listItems: async (job, query = {}) => await get(pathOf`/v1/jobs/${job}/items`, itemsQuery(query)),
    itemsText: async (job, accept, query = {}) => {
      const reply = await send('GET', pathOf`/v1/jobs/${job}/items`, { query: itemsQuery(query), headers: { accept } });
      return { text: reply.text, next: nextOf(reply.headers) };
    },
    getHistory: async (job, key, query = {}) => await get(pathOf`/v1/jobs/${job}/history`, { key, ...query }),
    getDiff: async (job, query) => await get(pathOf`/v1/jobs/${job}/diff`, { ...query }),
    getSeries: async (job, query) => await get(pathOf`/v1/jobs/${job}/series`, { ...query }),
    listLetters: async ({ state, ...query } = {}) => await get('/v1/dead-letters', { ...query, state: state?.join(',') }),
    getLetter: async (id) => await get(pathOf`/v1/dead-letters/${id}`),
    replayLetters: async (body) => await json('POST', '/v1/dead-letters/replay', { body }),
    discardLetters: async (body) => await json('POST', '/v1/dead-letters/discard', { body }),
    simulate: async (body) => await json('POST', '/v1/simulate', { body }),
    tryJob: async (text, type, { sample, params } = {}) => await json('POST', '/v1/try', { raw: { text, type }, query: { sample, params: params && JSON.stringify(params) } }),
    createKey: async (body) => await json('POST', '/v1/keys', { body }),
    revokeKey: async (id) => await done(send('DELETE', pathOf`/v1/keys/${id}`)),
    events: ({ job, signal } = {}) => readEvents({ transport, job, signal }),
  };
  return client;
}

const itemsQuery = ({ where, fields, ...query }: ItemsOptions): Query => ({ ...query, where: where && JSON.stringify(where), fields: fields?.join(',') });

/** The cursor in a Link header. */
function nextOf(headers: Headers): string | undefined {
  const target = /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1];
  return target === undefined ? undefined : (new URL(target, 'http://host').searchParams.get('after') ?? undefined);
}

async function waitForRun({ client, run, timeoutMs, signal }: { readonly client: Client; readonly run: string; readonly timeoutMs: number; readonly signal: AbortSignal | undefined }): Promise<RunAnswer | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (let wait = 200; ; wait = Math.min(wait * 1.5, 2_000)) {
    const answer = await client.getRun(run);
    if (isEnded(answer.state)) return answer;
    const left = deadline - performance.now();
    if (left <= 0 || signal?.aborted) return undefined;
    await new Promise((resolve) => { setTimeout(resolve, Math.min(wait, left)); });
  }
}
