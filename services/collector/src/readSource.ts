import type { Extraction, HttpSource, RunInputs } from '@gleaner/contracts';
import type { GuardedAgents } from './createGuardedAgents.ts';
import type { BodyHash } from './createHashes.ts';
import type { OriginPauses } from './createOriginPauses.ts';
import { createPace, type Pace } from './createPace.ts';
import { AttemptFailure } from './core/AttemptFailure.ts';
import { buildRequest, originOf } from './core/buildRequest.ts';
import type { PageRequest, Secrets } from './core/buildRequest.ts';
import { firstPage, nextPage } from './core/nextPage.ts';
import { variesByRun } from './core/renderTemplate.ts';
import { assertOrigin } from './fetchUpstream.ts';
import type { AnswerRecord, FetchUpstream } from './fetchUpstream.ts';
import type { Recall } from './core/createKnownSnapshot.ts';
import type { OnFound } from './formats/FormatReader.ts';
import { readAnswer, readFailedAnswer } from './readAnswer.ts';
import type { MemoryShare } from './createMemoryBudget.ts';
import type { Tokens } from './createTokens.ts';

/** What is asked for: the parts of a tick that decide it. */
export interface HttpAsk {
  readonly http: HttpSource;
  readonly extraction: Extraction;
  readonly inputs: RunInputs;
  readonly fireAt: string;
  readonly now: number;
  /** Least time between two requests, ms. */
  readonly spacingMs: number;
  readonly validators?: { readonly etag?: string; readonly lastModified?: string; readonly bodyHash: string } | undefined;
}

/** What the requests of an attempt add up to; kept up to date while they run. */
export interface SourceProgress {
  requests: number;
  bytes: number;
  durationMs: number;
  status?: number;
  /** The answer that is being read, or was read last. */
  record?: AnswerRecord;
  pages: number;
}

export interface SourceResult {
  /** 304, or the same bytes as before: nothing was read. */
  readonly unchanged: boolean;
  /** Of the one answer, where there was one and the request is the same in every run. */
  readonly etag?: string;
  readonly lastModified?: string;
  readonly bodyHash: string;
}

/** Asks everything that a source asks for (each value of `forEach`, page after page), telling `onFound` of every record. One failure fails the attempt. */
export async function readSource({ ask, progress, fetchUpstream, agents, pauses, secrets, tokens, newHash, newRecord, onFound, onWhole, recall, found, settle, share, signal }: {
  readonly ask: HttpAsk;
  readonly progress: SourceProgress;
  readonly fetchUpstream: FetchUpstream;
  readonly agents: GuardedAgents;
  readonly pauses: OriginPauses;
  readonly secrets: Secrets;
  readonly tokens: Tokens;
  readonly newHash: () => BodyHash;
  readonly newRecord: () => AnswerRecord;
  readonly onFound: OnFound;
  readonly recall?: Recall;
  /** Told when the one answer has arrived whole, before anything in it is looked at; never where there are several, or it is long. */
  readonly onWhole?: () => void;
  /** Records found so far. */
  readonly found: () => number;
  readonly settle: () => Promise<void>;
  readonly share: Pick<MemoryShare, 'hold' | 'waitedMs'>;
  readonly signal: AbortSignal;
}): Promise<SourceResult> {
  const { http, extraction, inputs, validators } = ask;
  const home = new URL(originOf(http.url));
  const origins = new Set((http.origins ?? []).map((origin) => new URL(origin).origin));
  const budget = { left: http.maxBytes, max: http.maxBytes };
  const values = http.forEach ? (inputs.forEach ?? ('list' in http.forEach ? http.forEach.list : undefined)) : [undefined];
  if (!values) throw new AttemptFailure('bad_template', 'expected the values of forEach with the run; it has none');
  const single = !http.forEach && !http.paginate;
  const conditional = single && validators !== undefined && !variesByRun(JSON.stringify(http)) && http.method === 'GET';
  let last = { etag: undefined as string | undefined, lastModified: undefined as string | undefined };
  let unchanged = false;
  const hash = newHash();
  const pace = createPace({ spacingMs: ask.spacingMs, pauses });
  /** Counts a request once its turn has come; its redirects belong to it. */
  const countingPace = (): Pace => {
    let isFirst = true;
    return {
      ...pace,
      turn: async (origin, ended) => {
        await pace.turn(origin, ended);
        if (isFirst) progress.requests += 1;
        isFirst = false;
      },
    };
  };

  const request = async (each: string | undefined, page: PageRequest, bearer: string | undefined) => {
    const scope = { fireAt: ask.fireAt, now: ask.now, ...(inputs.params ? { params: inputs.params } : {}), ...(inputs.trigger ? { trigger: inputs.trigger } : {}), ...(each === undefined ? {} : { each }) };
    const built = buildRequest({ http, scope, secrets, page, ...(bearer === undefined ? {} : { bearer }) });
    // A condition of the job's own would make 304 say something else.
    const asked = conditional && !('if-none-match' in built.headers) && !('if-modified-since' in built.headers)
      ? { ...(validators.etag === undefined ? {} : { 'if-none-match': validators.etag }), ...(validators.lastModified === undefined ? {} : { 'if-modified-since': validators.lastModified }) }
      : {};
    const record = newRecord();
    progress.record = record;
    try {
      return await fetchUpstream({
        request: { ...built, headers: { ...built.headers, ...asked }, conditional: Object.keys(asked).length > 0, timeoutMs: http.timeout, redirects: http.redirects, origins },
        record,
        signal,
        pace: countingPace(),
        waitedMs: share.waitedMs,
        readFailed: (answer) => readFailedAnswer(answer, record),
        read: async (answer) => {
          progress.status = answer.status;
          last = { etag: answer.headers.etag, lastModified: answer.headers['last-modified'] };
          if (answer.status === 304) return { url: built.url, link: undefined, around: undefined, same: true };
          const own = single ? hash : newHash();
          const read = await readAnswer({
            answer, record, extraction, budget, hash: own, expected: single ? validators?.bodyHash : undefined, onFound, recall, settle, hold: (bytes) => share.hold(bytes, signal),
            ...(single && onWhole ? { onWhole } : {}),
          });
          record.contentHash = own.peek();
          if (!single) hash.update(Buffer.from(record.contentHash)); // one hash over all bodies
          return { url: answer.url, link: [answer.headers.link].flat().join(', ') || undefined, ...read };
        },
      });
    } finally {
      progress.bytes += record.bodyBytes;
      progress.durationMs += record.durationMs ?? 0;
    }
  };

  for (const each of values) {
    const visited = new Set<string>();
    let page: PageRequest | undefined = firstPage(http.paginate);
    let before = '';
    for (let index = 0; page !== undefined; index += 1) {
      const countBefore = found();
      const answer = await tokens.using({ http, secrets, signal, fetchUpstream, pace }, (bearer) => request(each, page ?? {}, bearer));
      progress.pages += 1;
      if (answer.same) unchanged = true;
      const content = progress.record?.contentHash ?? '';
      const seen = { index, url: answer.url, linkHeader: answer.link, around: answer.around, found: found() - countBefore, repeated: content !== '' && content === before };
      before = content;
      page = answer.same ? undefined : nextPage({ paginate: http.paginate, page: seen, visited });
      if (page?.url) await judgeLink({ url: page.url, request: { url: home, origins }, agents, signal, timeoutMs: http.timeout });
    }
  }
  const bodyHash = hash.peek();
  const fixed = single && !variesByRun(JSON.stringify(http));
  return {
    unchanged: unchanged || (validators !== undefined && !extraction.partial && validators.bodyHash === bodyHash),
    bodyHash,
    ...(fixed && last.etag !== undefined ? { etag: last.etag } : {}),
    ...(fixed && last.lastModified !== undefined ? { lastModified: last.lastModified } : {}),
  };
}

/** Refuses a next link that may not be followed; its name server has as long as a request. */
async function judgeLink({ timeoutMs, signal, ...more }: Omit<Parameters<typeof assertOrigin>[0], 'what'> & { readonly timeoutMs: number }): Promise<void> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new AttemptFailure('timeout', `expected the address of ${more.url.host} within ${timeoutMs} ms`)), timeoutMs);
  try {
    await assertOrigin({ ...more, signal: AbortSignal.any([signal, limit.signal]), what: 'the next link' });
  } finally {
    clearTimeout(timer);
  }
}
