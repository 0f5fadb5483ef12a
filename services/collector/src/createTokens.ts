import type { HttpSource } from '@gleaner/contracts';
import { AttemptFailure, badBody } from './core/AttemptFailure.ts';
import { secretFor } from './core/buildRequest.ts';
import type { Secrets } from './core/buildRequest.ts';
import { renderTemplate } from './core/renderTemplate.ts';
import type { Pace } from './createPace.ts';
import { newAnswerRecord } from './fetchUpstream.ts';
import type { FetchUpstream, UpstreamAnswer } from './fetchUpstream.ts';
import { decodeBody } from './decodeBody.ts';

interface Ask {
  readonly http: HttpSource;
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
  readonly fetchUpstream: FetchUpstream;
  /** The pace of the attempt that asks: a token costs its origin a request too. */
  readonly pace?: Pace;
}

/** Access tokens of oauth2 sources (client credentials), kept until shortly before they expire. */
export interface Tokens {
  /** Runs a request with a valid token (undefined where the source needs none); a token that is refused with 401 is fetched anew, once. */
  using<T>(ask: Ask, request: (bearer: string | undefined) => Promise<T>): Promise<T>;
  /** Every token at hand, and those of late, for redaction; the same list until another comes. */
  known(): readonly string[];
}

type Oauth2 = NonNullable<NonNullable<HttpSource['auth']>['oauth2']>;
interface Token { readonly value: string; readonly until: number }

const earlierMs = 30_000;
const defaultMs = 300_000;
const maxTokenBytes = 65_536;
/** A token that was refused or has ended may still be in what an attempt has read: it is known for as long as any attempt may last, and so many of them. */
const retired = { keptMs: 1_500_000, most: 64 } as const;

/** Makes the one store of tokens of a collector. Two requests that need the same token at once share one fetch. */
export function createTokens({ now = Date.now }: { readonly now?: () => number } = {}): Tokens {
  const tokens = new Map<string, Token>();
  let former: { readonly value: string; readonly goneAt: number }[] = [];
  let known: readonly string[] = [];
  const underWay = new Map<string, { readonly token: Promise<Token>; readonly signal: AbortSignal }>();

  const keep = (key: string, token: Token | undefined): void => {
    const last = tokens.get(key);
    if (last === token) return;
    if (last && last.value !== token?.value) former = [...former.filter(({ goneAt }) => goneAt + retired.keptMs > now()), { value: last.value, goneAt: now() }].slice(-retired.most);
    if (token) tokens.set(key, token);
    else tokens.delete(key);
    known = [...new Set([...tokens.values(), ...former].map(({ value }) => value))];
  };

  const tokenOf = async (key: string, signal: AbortSignal, fetchToken: () => Promise<Token>): Promise<string> => {
    const kept = tokens.get(key);
    if (kept && kept.until > now()) return kept.value;
    const pending = underWay.get(key) ?? { token: fetchToken().finally(() => underWay.delete(key)), signal };
    underWay.set(key, pending);
    try {
      const token = await pending.token;
      keep(key, token);
      return token.value;
    } catch (error) {
      // Who asked for it was given up; that is no reason for the others.
      if (pending.signal.aborted && !signal.aborted) return tokenOf(key, signal, fetchToken);
      throw error;
    }
  };

  return {
    async using(ask, request) {
      const oauth2 = ask.http.auth?.oauth2;
      if (!oauth2) return request(undefined);
      const { key, form } = tokenRequest(oauth2, ask.secrets);
      const fresh = (): Promise<string> => tokenOf(key, ask.signal, () => fetchToken({ ask, oauth2, form, now }));
      const first = await fresh();
      try {
        return await request(first);
      } catch (error) {
        if (!(error instanceof AttemptFailure && error.status === 401)) throw error;
        if (tokens.get(key)?.value === first) keep(key, undefined);
        return request(await fresh());
      }
    },
    known: () => known,
  };
}

function tokenRequest(oauth2: Oauth2, secrets: Secrets): { readonly key: string; readonly form: string } {
  // Tokens are kept beyond a run, so nothing that differs from run to run may name them.
  const scope = { fireAt: '', now: 0, secret: secretFor(secrets, new URL(oauth2.tokenUrl).origin) };
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: renderTemplate(oauth2.clientId, scope), client_secret: renderTemplate(oauth2.clientSecret, scope), ...(oauth2.scope === undefined ? {} : { scope: renderTemplate(oauth2.scope, scope) }) }).toString();
  return { key: `${oauth2.tokenUrl}\n${form}`, form };
}

async function fetchToken({ ask, oauth2, form, now }: { readonly ask: Ask; readonly oauth2: Oauth2; readonly form: string; readonly now: () => number }): Promise<Token> {
  const url = new URL(oauth2.tokenUrl);
  const read = async (answer: UpstreamAnswer): Promise<Token> => {
    const parts: Buffer[] = [];
    for await (const part of decodeBody({ body: answer.body, encoding: answer.headers['content-encoding'], budget: { left: maxTokenBytes, max: maxTokenBytes } })) parts.push(part);
    return readToken(Buffer.concat(parts).toString(), url, now());
  };
  return ask.fetchUpstream({
    request: {
      method: 'POST', url, body: form, timeoutMs: ask.http.timeout, redirects: 0, origins: new Set(), mayCarry: () => false,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    },
    record: newAnswerRecord(),
    signal: ask.signal,
    ...(ask.pace ? { pace: ask.pace } : {}),
    read,
    readFailed: () => Promise.resolve(),
  });
}

/** The answer's text stays out of the failure: it may hold a token. */
function readToken(text: string, url: URL, now: number): Token {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badBody(`expected JSON with an access_token from ${url.origin}${url.pathname}; saw no JSON`);
  }
  const answer = value as { readonly access_token?: unknown; readonly expires_in?: unknown } | null;
  if (typeof answer?.access_token !== 'string' || answer.access_token === '') throw badBody(`expected an access_token from ${url.origin}${url.pathname}; saw none`);
  const seconds = Number(answer.expires_in);
  const lifeMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : defaultMs;
  return { value: answer.access_token, until: now + Math.max(lifeMs - earlierMs, lifeMs / 2) };
}
