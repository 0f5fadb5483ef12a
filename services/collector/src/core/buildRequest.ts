import { headerValueFault } from '@gleaner/collecting';
import type { HttpSource } from '@gleaner/contracts';
import { AttemptFailure } from './AttemptFailure.ts';
import { renderDeep, renderTemplate, secretsIn } from './renderTemplate.ts';
import type { TemplateScope } from './renderTemplate.ts';
import { renderUrl } from './renderUrl.ts';
import { setQuery } from './setQuery.ts';

/** A secret's value and the only origins that it may go to, where it names them. */
export interface Secret { readonly value: string; readonly origins?: readonly string[] }
export type Secrets = ReadonlyMap<string, Secret>;

/** What one page asks beside the job's own request. */
export interface PageRequest {
  /** The whole url instead of the job's: a next link. Already judged by its origin. */
  readonly url?: URL;
  /** Query parameters over the job's: a cursor, a page's number, an offset. */
  readonly query?: Readonly<Record<string, string>>;
}

/** A request with every template filled in, and what may go along when it moves to another origin. */
export interface BuiltRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly mayCarry: (part: string, origin: string) => boolean;
}

/** Headers that say who asks: never for another origin, unless a secret in them names it. */
const credentials: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** The origin of a source's url, which must stand there literally, so that politeness and secrets know where a request goes. */
export function originOf(url: string): string {
  const literal = /^(https?:\/\/[^/?#{]+)(?=[/?#]|$)/i.exec(url)?.[1];
  if (literal === undefined || !URL.canParse(literal)) throw new AttemptFailure('bad_template', `expected a url whose scheme, host and port stand there literally; saw ${JSON.stringify(url.slice(0, 100))}`);
  return new URL(literal).origin;
}

/** The value of a secret for a request to `origin`; throws `bad_template` where there is none, `origin_not_allowed` where it must not go there. */
export function secretFor(secrets: Secrets, origin: string): (name: string) => string {
  return (name) => {
    const secret = secrets.get(name);
    if (!secret) throw new AttemptFailure('bad_template', `expected SECRET_${name} in the collector's environment; it is not set`);
    if (secret.origins && !secret.origins.includes(origin)) throw new AttemptFailure('origin_not_allowed', `expected {{ secret.${name} }} to go only to ${secret.origins.join(', ')} (SECRET_${name}_ORIGINS); the request goes to ${origin}`);
    return secret.value;
  };
}

/** Builds the request of one page. `bearer` is the token of an oauth2 source. Throws `bad_template` and `origin_not_allowed`. */
export function buildRequest({ http, scope, secrets, page = {}, bearer }: {
  readonly http: HttpSource;
  readonly scope: Omit<TemplateScope, 'secret'>;
  readonly secrets: Secrets;
  readonly page?: PageRequest;
  readonly bearer?: string;
}): BuiltRequest {
  const home = originOf(http.url);
  const target = page.url?.origin ?? home;
  const moved = target !== home;
  const names = new Map<string, readonly string[]>();
  /** A secret goes to another origin only where it names that origin itself; credentials that are no secret name none. */
  const free = (part: string, origin: string): boolean => {
    const hidden = names.get(part) ?? [];
    return (hidden.length > 0 || !credentials.has(part)) && hidden.every((name) => secrets.get(name)?.origins?.includes(origin) === true);
  };
  const full: TemplateScope = { ...scope, secret: secretFor(secrets, target) };
  const render = (text: string): string => renderTemplate(text, full);

  const url = page.url ? new URL(page.url) : renderUrl(http.url, full);
  if (url.origin !== target) throw new AttemptFailure('bad_template', `expected templates to leave the origin ${target} as it is; saw ${url.origin}`);
  url.hash = '';
  for (const [name, template] of Object.entries(http.query ?? {})) {
    const hidden = secretsIn(template);
    names.set(`query:${name}`, hidden);
    // A next link says all but what upstream must not repeat: keys are added again where it lacks them.
    if (page.url && (hidden.length === 0 || url.searchParams.has(name) || (moved && !free(`query:${name}`, target)))) continue;
    setQuery(url, name, render(template));
  }
  for (const [name, value] of Object.entries(page.query ?? {})) setQuery(url, name, value);

  const headers: Record<string, string> = {};
  const addHeader = (name: string, make: () => string, hidden: readonly string[]): void => {
    const lower = name.toLowerCase();
    names.set(lower, hidden);
    if (moved && !free(lower, target)) return;
    const value = make();
    const reason = headerValueFault(value);
    if (reason !== undefined) throw new AttemptFailure('bad_template', `header ${JSON.stringify(lower)}: ${reason}`);
    headers[lower] = value;
  };
  for (const [name, template] of Object.entries(http.headers ?? {})) addHeader(name, () => render(template), secretsIn(template));
  const { auth } = http;
  const bare = ''; // a header that must never leave its origin carries a secret of this name, which nobody has
  if (auth && !moved) {
    if (auth.bearer !== undefined) addHeader('authorization', () => `Bearer ${render(auth.bearer ?? '')}`, [bare, ...secretsIn(auth.bearer)]);
    if (auth.basic) addHeader('authorization', () => basic(render(auth.basic?.user ?? ''), render(auth.basic?.password ?? '')), [bare]);
    if (auth.header) addHeader(auth.header.name, () => render(auth.header?.value ?? ''), [bare]);
    if (auth.oauth2 && bearer !== undefined) addHeader('authorization', () => `Bearer ${bearer}`, [bare]);
  }
  const body = bodyOf(http, full, (type) => {
    headers['content-type'] ??= type;
  });
  names.set('body', secretsIn(typeof http.body === 'string' ? http.body : JSON.stringify(http.body ?? '')));
  if (moved && body !== undefined && !free('body', target)) throw new AttemptFailure('origin_not_allowed', `expected the next link within ${home}, because the body holds a secret; it leads to ${target}`);
  return { method: http.method, url, headers, ...(body === undefined ? {} : { body }), mayCarry: free };
}

const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function bodyOf(http: HttpSource, scope: TemplateScope, onType: (type: string) => void): string | undefined {
  if (http.body === undefined) return undefined;
  if (typeof http.body === 'string') return renderTemplate(http.body, scope);
  onType('application/json');
  return JSON.stringify(renderDeep(http.body, scope));
}
