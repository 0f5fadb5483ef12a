import type { Problem } from '@gleaner/contracts';
import { ApiError, UnreachableError } from './ApiError.ts';

export type QueryValue = string | number | boolean | Date | readonly string[] | undefined;
export type Query = Readonly<Record<string, QueryValue>>;

export interface Call {
  readonly query?: Query | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: { readonly text: string; readonly type: string };
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** ms to the whole answer; default the transport's. 0 = none. */
  readonly timeoutMs?: number;
}

/** An answer as it came: its text holds numbers to the last digit, which `json` cannot. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Transport {
  /** One request; throws ApiError for a problem, UnreachableError where nobody answers. */
  send(method: string, path: string, call?: Call): Promise<Reply>;
  json<T>(method: string, path: string, call?: Call): Promise<T>;
  /** The response itself, for streams. */
  open(method: string, path: string, call?: Call): Promise<Response>;
}

/** Speaks HTTP to one gateway with one key. */
export function createTransport({ url, key, fetch = globalThis.fetch, timeoutMs = 60_000 }: {
  readonly url: string; readonly key?: string | undefined; readonly fetch?: typeof globalThis.fetch; readonly timeoutMs?: number;
}): Transport {
  const base = url.replace(/\/+$/, '');
  const open: Transport['open'] = async (method, path, { query = {}, body, raw, headers = {}, signal, timeoutMs: ownTimeout = timeoutMs } = {}) => {
    const given = Object.entries({
      accept: 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(raw ? { 'content-type': raw.type } : body === undefined ? {} : { 'content-type': 'application/json' }), ...headers,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const signals = [...(signal ? [signal] : []), ...(ownTimeout > 0 ? [AbortSignal.timeout(ownTimeout)] : [])];
    let response: Response;
    try {
      response = await fetch(`${base}${path}${queryText(query)}`, {
        method, headers: Object.fromEntries(given), redirect: 'manual',
        ...(raw ? { body: raw.text } : body === undefined ? {} : { body: JSON.stringify(body) }), ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
      });
    } catch (error) {
      throw new UnreachableError(base, reasonOf(error), error);
    }
    if (response.status >= 400) throw await errorOf(response, base);
    return response;
  };
  const send: Transport['send'] = async (method, path, call) => {
    const response = await open(method, path, call);
    try {
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      throw new UnreachableError(base, `the answer broke off (${reasonOf(error)})`, error);
    }
  };
  return { open, send, json: async <T>(method: string, path: string, call?: Call) => JSON.parse((await send(method, path, call)).text) as T };
}

/** A path with its parts escaped. */
export const pathOf = (parts: TemplateStringsArray, ...names: readonly string[]): string => parts.reduce((path, part, index) => `${path}${encodeURIComponent(names[index - 1] ?? '')}${part}`);

function queryText(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const one of value as readonly string[]) search.append(name, one);
    else search.append(name, value instanceof Date ? value.toISOString() : String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

async function errorOf(response: Response, url: string): Promise<Error> {
  const text = await response.text().catch(() => ''); // the status alone says enough
  if (response.headers.get('content-type')?.includes('application/problem+json')) {
    try {
      return new ApiError(JSON.parse(text) as Problem);
    } catch (error) {
      return new UnreachableError(url, `status ${response.status} with a problem that is no JSON`, error);
    }
  }
  return new UnreachableError(url, `status ${response.status}, but not from a gateway of Gleaner: ${JSON.stringify(text.slice(0, 200))}`);
}

function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { cause, message } = error as { readonly cause?: unknown; readonly message?: string };
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return message ?? String(error);
}
