import { once } from 'node:events';
import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import got from 'got';
import type { GuardedAgents } from './createGuardedAgents.ts';
import type { Pace } from './createPace.ts';
import { AttemptFailure, badBody } from './core/AttemptFailure.ts';
import { classifyStatus } from './core/classifyStatus.ts';
import { failureOf } from './core/failureOf.ts';
import { retryAfterMs } from './core/retryAfterMs.ts';

/** One request, with every template filled in. */
export interface UpstreamRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** True where the headers hold validators of what was gathered last: only then does 304 say anything of it. Default false. */
  readonly conditional?: boolean;
  readonly body?: string;
  /** Milliseconds for everything, from the first connection to the last byte of the body, redirects included. */
  readonly timeoutMs: number;
  /** How many redirects may be followed. */
  readonly redirects: number;
  /** Origins beside the url's own that a redirect may lead to. */
  readonly origins: ReadonlySet<string>;
  /** True where this header, or `body`, may go to another origin: it holds no secret, or one that names that origin. */
  readonly mayCarry: (part: string, origin: string) => boolean;
}

/** What is known of the newest answer, kept up to date while it comes: for facts and evidence. */
export interface AnswerRecord {
  url?: string;
  method?: string;
  status?: number;
  headers?: IncomingHttpHeaders;
  /** First bytes of the body, decompressed: a little more than evidence shows. */
  head: Buffer[];
  headBytes: number;
  /** Hash of this body alone; set once it was read. */
  contentHash?: string;
  /** Bytes of the body, decompressed. */
  bodyBytes: number;
  durationMs?: number;
}
export const newAnswerRecord = (): AnswerRecord => ({ head: [], headBytes: 0, bodyBytes: 0 });

/** An answer whose status may be read (2xx, or 304 where it was asked for); its body is still coming. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  /** The body as it comes over the wire, compressed or not. */
  readonly body: Readable;
}

export type FetchUpstream = <T>(options: {
  readonly request: UpstreamRequest;
  readonly record: AnswerRecord;
  readonly signal: AbortSignal;
  /** The distance that each request keeps, redirected ones too; the time limit does not count while it waits. Default: none. */
  readonly pace?: Pace;
  /** Reads the answer; the time limit covers it. */
  readonly read: (answer: UpstreamAnswer) => Promise<T>;
  /** Reads the body of an answer that failed by its status, for the evidence. */
  readonly readFailed: (answer: UpstreamAnswer) => Promise<void>;
  /** Milliseconds that reading has waited for this collector itself so far: upstream is given them back. Default none. */
  readonly waitedMs?: () => number;
}) => Promise<T>;

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Makes the one function that speaks to the outside. Every failure is an AttemptFailure of the class that the tables say; the connection is closed or given back in any case. */
export function createFetchUpstream({ agents, now = Date.now }: { readonly agents: GuardedAgents; readonly now?: () => number }): FetchUpstream {
  return async ({ request, record, signal, pace, read, readFailed, waitedMs = () => 0 }) => {
    const limit = new AbortController();
    const waitedBefore = waitedMs();
    let given = 0;
    const onTime = (): void => {
      const waited = waitedMs() - waitedBefore;
      if (waited <= given) return limit.abort(new AttemptFailure('timeout', `expected the whole answer within ${request.timeoutMs} ms`));
      dueAt = performance.now() + waited - given;
      given = waited;
      arm();
    };
    const started = performance.now();
    let dueAt = started + request.timeoutMs;
    let timer: NodeJS.Timeout | undefined;
    const arm = (): void => { timer = setTimeout(onTime, Math.max(0, dueAt - performance.now())); };
    const ended = AbortSignal.any([signal, limit.signal]);
    let pacedMs = 0;
    /** Waits for the attempt's turn at the origin, which is no upstream's slowness. */
    const takeTurn = async (origin: string): Promise<void> => {
      clearTimeout(timer);
      const since = performance.now();
      try {
        await pace?.turn(origin, signal);
      } finally {
        const took = performance.now() - since;
        pacedMs += took;
        dueAt += took;
        arm();
      }
    };
    let hop = { method: request.method, url: request.url, headers: request.headers, body: request.body };
    try {
      for (let hops = 0; ; hops += 1) {
        Object.assign(record, { url: hop.url.href, method: hop.method, status: undefined, headers: undefined });
        await takeTurn(hop.url.origin);
        await agents.assertReachable(hop.url, ended);
        const { origin } = hop.url;
        const answer = await open(hop, agents, ended).finally(() => pace?.answered(origin));
        try {
          Object.assign(record, { status: answer.status, headers: answer.headers });
          if (redirectStatuses.has(answer.status)) {
            if (hops >= request.redirects) throw badBody(`expected an answer after at most ${request.redirects} redirects; saw another, to ${answer.headers.location ?? 'nowhere'}`);
            hop = await followRedirect({ hop, answer, request, agents, signal: ended });
            continue;
          }
          const failure = answer.status === 304 && request.conditional === true ? undefined : classifyStatus(answer.status);
          if (failure !== undefined) {
            const retryAfter = retryAfterMs(answer.headers['retry-after'], now());
            // The status decides; what happens to the rest of this body does not.
            await readFailed(answer).catch(() => undefined);
            throw new AttemptFailure(failure, `expected status 2xx; saw ${answer.status}`, { status: answer.status, origin, ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }) });
          }
          return await read(answer);
        } finally {
          answer.body.destroy();
        }
      }
    } catch (error) {
      // An answer that had failed by its status stays that, even where the rest of its body outlasted the time.
      if (error instanceof AttemptFailure && error.status !== undefined && !signal.aborted) throw error;
      throw failureOf(error, ended.aborted ? ended.reason : undefined);
    } finally {
      clearTimeout(timer);
      record.durationMs = Math.round(performance.now() - started - pacedMs);
    }
  };
}

interface Hop {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** How often a kept connection may turn out to have ended; each time that one is gone for good. */
const staleConnections = 3;

/**
 * Sends one request and resolves once the head of its answer is there. A kept connection that upstream had closed meanwhile is no failure of the request:
 * one that may be repeated is sent again over the next, at last over a new one.
 */
async function open(hop: Hop, agents: GuardedAgents, signal: AbortSignal): Promise<UpstreamAnswer> {
  for (let stale = 0; ; stale += 1) {
    const sent = { reused: false };
    try {
      return await send(hop, agents, signal, sent);
    } catch (error) {
      const code = (error as { readonly code?: unknown }).code;
      if (!(sent.reused && hop.method === 'GET' && stale < staleConnections && !signal.aborted && (code === 'ECONNRESET' || code === 'EPIPE'))) throw error;
    }
  }
}

async function send(hop: Hop, agents: GuardedAgents, signal: AbortSignal, sent: { reused: boolean }): Promise<UpstreamAnswer> {
  signal.throwIfAborted();
  const bodied = hop.body !== undefined || ['POST', 'PUT', 'PATCH'].includes(hop.method);
  const stream = got.stream(hop.url, {
    method: hop.method as 'GET',
    headers: { 'user-agent': 'Gleaner/0.1', 'accept-encoding': 'gzip, br, zstd', ...hop.headers },
    ...(bodied ? { body: hop.body ?? '', allowGetBody: true } : {}),
    agent: { http: agents.http, https: agents.https },
    signal,
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    strictContentLength: false,
    enableUnixSockets: false,
  });
  let request: ClientRequest | undefined;
  stream.once('request', (made: ClientRequest) => {
    request = made;
  });
  stream.on('error', () => undefined); // the reader of the body sees it; one that comes later concerns nobody
  try {
    const [response] = (await once(stream, 'response', { signal })) as [{ statusCode: number; headers: IncomingHttpHeaders }];
    return { status: response.statusCode, headers: response.headers, url: hop.url, body: stream };
  } catch (error) {
    sent.reused = request?.reusedSocket === true;
    stream.destroy();
    throw error;
  }
}

async function followRedirect({ hop, answer, request, agents, signal }: { readonly hop: Hop; readonly answer: UpstreamAnswer; readonly request: UpstreamRequest; readonly agents: GuardedAgents; readonly signal: AbortSignal }): Promise<Hop> {
  const location = answer.headers.location;
  const url = location !== undefined && URL.canParse(location, hop.url.href) ? new URL(location, hop.url) : undefined;
  if (!url) throw badBody(`expected a url in the Location of a redirect (status ${answer.status}); saw ${location === undefined ? 'none' : JSON.stringify(location)}`);
  await assertOrigin({ url, request, agents, signal, what: 'the redirect' });
  const seeOther = answer.status === 303 || (answer.status < 303 && hop.method === 'POST');
  const method = seeOther ? 'GET' : hop.method;
  const body = method === hop.method ? hop.body : undefined;
  const moved = url.origin !== hop.url.origin;
  if (moved && body !== undefined && !request.mayCarry('body', url.origin)) {
    throw new AttemptFailure('origin_not_allowed', `expected a redirect within ${hop.url.origin}, because the body holds a secret; saw ${url.origin}`);
  }
  const headers = Object.entries(hop.headers).filter(([name]) => !(moved && !request.mayCarry(name, url.origin)) && !(body === undefined && name.startsWith('content-')));
  return { method, url, headers: Object.fromEntries(headers), body };
}

/** Refuses a url that may not be followed to; the address is judged first, so that a refused one is named for what it is. */
export async function assertOrigin({ url, request, agents, signal, what }: {
  readonly url: URL;
  readonly request: Pick<UpstreamRequest, 'url' | 'origins'>;
  readonly agents: GuardedAgents;
  readonly signal: AbortSignal;
  /** What leads there, for the failure. */
  readonly what: string;
}): Promise<void> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new AttemptFailure('origin_not_allowed', `expected ${what} to lead to http or https; saw ${url.protocol}`);
  await agents.assertReachable(url, signal);
  if (url.origin !== request.url.origin && !request.origins.has(url.origin)) {
    throw new AttemptFailure('origin_not_allowed', `expected ${what} to stay at ${request.url.origin} or an origin of source.http.origins; it leads to ${url.origin}`);
  }
}
