import { randomUUID } from 'node:crypto';
import Router from '@koa/router';
import type { Logger, Metrics } from '@gleaner/runtime';
import Koa from 'koa';
import type { Context } from 'koa';
import { ProblemError } from '../core/problem.ts';
import { stringifyValue } from '../core/stringifyValue.ts';
import type { Answer } from './answer.ts';
import type { Auditor } from './auditor.ts';
import type { Authenticator } from './authenticator.ts';
import type { Idempotency } from './idempotency.ts';
import { problemFromError } from './problemFromError.ts';
import { anonymous, expectScope, type Principal } from './principal.ts';
import { readBody } from './readBody.ts';
import type { Choose, RawRequest, Route } from './route.ts';
import { sendAnswer } from './sendAnswer.ts';

export const sessionCookie = 'gleaner_session';

export interface AppParts {
  readonly routes: readonly Route[];
  readonly trustProxy: boolean;
  readonly authenticator: Authenticator;
  readonly auditor: Auditor;
  readonly idempotency: Idempotency;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Rejects where the database is away and has not come back in a moment. */
  readonly expectDatabase: () => Promise<void>;
  /** Milliseconds for an answer, without the time in which the request's body comes. */
  readonly answerMs?: number | undefined;
}

/** The gateway as a Koa application: every route behind the same checks, every error a problem. */
export function createApp({ routes, trustProxy, authenticator, auditor, idempotency, log, metrics, expectDatabase, answerMs = 45_000 }: AppParts): Koa {
  const app = new Koa();
  app.proxy = trustProxy;
  app.silent = true; // errors are logged here, once, as data
  const requests = metrics.counter('gleaner_gateway_requests_total', 'Requests answered, by route and status.');
  const seconds = metrics.histogram('gleaner_gateway_request_seconds', 'Time to the answer, by route.');

  app.use(async (ctx, next) => {
    const started = performance.now();
    const requestId = randomUUID();
    ctx.state['requestId'] = requestId;
    ctx.set({ 'x-request-id': requestId, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    try {
      await next();
      if (ctx.state['handled'] !== true) throw unmatched(ctx);
    } catch (error) {
      sendProblem(ctx, error, { log, requestId });
    } finally {
      const route = typeof ctx.state['route'] === 'string' ? ctx.state['route'] : 'none';
      requests.inc(1, { route, status: String(ctx.status) });
      seconds.observe((performance.now() - started) / 1_000, { route });
      log.debug({ request: requestId, method: ctx.method, path: ctx.path, status: ctx.status, durationMs: Math.round(performance.now() - started) }, 'answered');
    }
  });

  const router = new Router();
  for (const route of routes) {
    router.register(route.path, [route.method], async (ctx) => {
      ctx.state['handled'] = true;
      ctx.state['route'] = `${route.method} ${route.path}`;
      // Not in that time: a body, which comes as fast as its sender likes.
      const principal = await inTime(identified(ctx, route), answerMs);
      const request = await requestOf(ctx, route, principal);
      await sendAnswer(ctx, await inTime(answerOf(ctx, route, request), answerMs));
    });
  }
  app.use(router.routes());
  return app;

  async function answerOf(ctx: Context, route: Route, request: RawRequest): Promise<Answer> {
    const { audit } = route;
    if (!audit) return await route.run(request);
    const change = async (choose?: Choose): Promise<Answer> => await auditor.around({ request, facts: audit, change: async () => await route.run(request, choose) });
    return route.keepsAnswers ? await idempotency.once({ request, command: `${route.method} ${ctx.path}`, change }) : await change();
  }

  async function identified(ctx: Context, route: Route): Promise<Principal> {
    if (route.scope === 'open') return anonymous;
    await expectDatabase();
    const site = ctx.get('sec-fetch-site');
    const principal = await authenticator.identify({
      authorization: ctx.get('authorization') || undefined,
      sessionToken: ctx.cookies.get(sessionCookie),
      sameOrigin: site === '' ? undefined : site === 'same-origin' || site === 'none',
      changes: ctx.method !== 'GET' && ctx.method !== 'HEAD',
    });
    expectScope(principal, route.scope);
    return principal;
  }
}

async function requestOf(ctx: Context, route: Route, principal: Principal): Promise<RawRequest> {
  return {
    params: paramsOf(ctx), query: queryOf(ctx.querystring), principal,
    body: route.bodyRules ? await readBody(ctx.req, route.bodyRules) : undefined,
    secure: ctx.secure, url: ctx.url, requestId: String(ctx.state['requestId']),
    header: (name) => ctx.get(name) || undefined,
    accept: (types) => ctx.accepts([...types]) || undefined,
    gone: () => {
      const gone = new AbortController();
      ctx.res.once('close', () => gone.abort());
      if (ctx.res.closed) gone.abort();
      return gone.signal;
    },
  };
}

/** Koa's own takes minutes for a parameter that comes thousands of times. */
function queryOf(text: string): RawRequest['query'] {
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const earlier = values.get(name);
    if (earlier) earlier.push(value);
    else values.set(name, [value]);
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? '') : all]));
}

/** A database that swallows what it is sent would keep a client for minutes: better to say that nobody knows. */
async function inTime<T>(answer: Promise<T>, answerMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ProblemError('database_unavailable', `no answer within ${answerMs} ms; whether a change was made is not known: look before you ask again`)), answerMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The router leaves a part that is badly percent-encoded as it came: that is a fault of the client, not a name. */
function paramsOf(ctx: Context): Record<string, string> {
  try {
    decodeURIComponent(ctx.path);
  } catch (error) {
    throw new ProblemError('bad_path', `expected a path with valid percent-encoding; saw ${JSON.stringify(ctx.path)}`, { cause: error });
  }
  return { ...(ctx['params'] as Record<string, string>) };
}

/** Nothing answered: no such path, or the path is there but not for this method. */
function unmatched(ctx: Context): ProblemError {
  const layers = (ctx['matched'] ?? []) as readonly { readonly methods: readonly string[] }[];
  const allowed = [...new Set(layers.flatMap(({ methods }) => methods))].sort();
  if (allowed.length === 0) return new ProblemError('no_such_path', `there is nothing at ${ctx.path}; /openapi.json lists what there is`);
  return new ProblemError('method_not_allowed', `expected one of ${allowed.join(', ')}; saw ${ctx.method}`, { headers: { allow: allowed.join(', ') } });
}

function sendProblem(ctx: Context, error: unknown, { log, requestId }: { readonly log: Logger; readonly requestId: string }): void {
  const { problem, headers, unforeseen } = problemFromError(error);
  if (unforeseen) log.error({ err: error, request: requestId, method: ctx.method, path: ctx.path }, 'a request failed in a way nothing foresaw');
  else if (problem.status >= 500) log.warn({ err: error, request: requestId, code: problem.code }, 'a request could not be served');
  if (ctx.res.headersSent) {
    // The answer has begun: breaking it off is the only honest sign that it is not whole.
    ctx.res.destroy();
    return;
  }
  for (const name of ['content-encoding', 'content-length', 'etag', 'cache-control']) ctx.remove(name);
  ctx.status = problem.status;
  ctx.set({ ...headers, 'cache-control': 'no-store' });
  ctx.body = stringifyValue({ ...problem, instance: `urn:gleaner:request:${requestId}` });
  ctx.type = 'application/problem+json';
}
