import type { Fault, Scope } from '@gleaner/contracts';
import { faultsOf } from '@gleaner/contracts';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import type { Answer } from './answer.ts';
import type { Principal } from './principal.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** A request as the shell hands it to a route, nothing of it checked but who sent it. */
export interface RawRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** The parsed body; undefined where there is none. */
  readonly body: unknown;
  readonly principal: Principal;
  /** Whether it came over TLS. */
  readonly secure: boolean;
  /** Path and query as the client wrote them. */
  readonly url: string;
  readonly requestId: string;
  readonly header: (name: string) => string | undefined;
  /** The best of these media types for the client, or undefined where it wants none of them. */
  readonly accept: (types: readonly string[]) => string | undefined;
  /** A signal that is aborted when the client has gone; made when asked for, because few routes need it. */
  readonly gone: () => AbortSignal;
}

/**
 * Decides what a command acts upon, where carried out again it would decide otherwise (letters that a filter finds): under an Idempotency-Key the
 * first decision is kept before anything is done, and given again. Holds what BSON holds.
 */
export type Choose = <T>(choose: () => Promise<T>) => Promise<T>;

export interface RouteRequest<P, Q, B> extends Omit<RawRequest, 'params' | 'query' | 'body'> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly choose: Choose;
}

/** What a body may be: read as JSON (or YAML where allowed) up to so many bytes. */
export interface BodyRules {
  readonly maxBytes: number;
  readonly yaml: boolean;
  /** Whether a request without a body is read as `{}`. */
  readonly optional: boolean;
}

/** What the documentation says of an answer. */
export interface AnswerDoc {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly types?: readonly string[];
}

/** Facts about a change that its audit row keeps. */
export interface AuditFacts {
  readonly action: string;
  readonly target?: (request: RawRequest) => string;
}

export interface Route {
  readonly method: Method;
  /** Path with `:name` for what varies. */
  readonly path: string;
  readonly scope: Scope | 'open';
  readonly summary: string;
  readonly tag: string;
  readonly schemas: { readonly params: z.ZodObject; readonly query: z.ZodObject; readonly body: z.ZodType | undefined };
  readonly bodyRules: BodyRules | undefined;
  /** What the documentation says of the body, where the route checks it by itself. */
  readonly bodyDoc: z.ZodType | undefined;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  /** Headers that the route reads, by name, with what they do. */
  readonly headers: Readonly<Record<string, string>>;
  /** Present on every route that changes something. */
  readonly audit: AuditFacts | undefined;
  /** Whether what it answers is kept for an Idempotency-Key, and given again to the same request with the same key. */
  readonly keepsAnswers: boolean;
  /** Checks the request against the schemas and answers it. */
  readonly run: (request: RawRequest, choose?: Choose) => Promise<Answer>;
}

const empty = z.strictObject({});

const idempotencyDoc = 'Asked again within a day with the same key and body, the command is not carried out again and the first answer is given (with `Idempotency-Replayed: true`); another body is 422.';

/** Makes a route of schemas and a handler: the same schemas check the request and make its documentation. */
export function defineRoute<P extends z.ZodObject = typeof empty, Q extends z.ZodObject = typeof empty, B extends z.ZodType = z.ZodUndefined>(spec: {
  readonly method: Method;
  readonly path: string;
  readonly scope: Scope | 'open';
  readonly summary: string;
  readonly tag: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly bodyRules?: Partial<BodyRules>;
  readonly bodyDoc?: z.ZodType;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly audit?: AuditFacts;
  /** `own`: the route heeds an Idempotency-Key by itself. Otherwise what it answers is kept, where it is a POST that changes something. */
  readonly idempotency?: 'own';
  readonly handle: (request: RouteRequest<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Answer> | Answer;
}): Route {
  const { method, path, scope, summary, tag, answers, audit, handle } = spec;
  const keepsAnswers = method === 'POST' && audit !== undefined && spec.idempotency !== 'own';
  const headers = { ...spec.headers, ...(keepsAnswers ? { 'Idempotency-Key': idempotencyDoc } : {}) };
  const params = spec.params ?? (empty as unknown as P);
  const query = spec.query ?? (empty as unknown as Q);
  const bodyRules = spec.body === undefined ? undefined : { maxBytes: 1024 * 1024, yaml: false, optional: false, ...spec.bodyRules };
  return {
    method, path, scope, summary, tag, answers, headers, audit, keepsAnswers, bodyRules, bodyDoc: spec.bodyDoc,
    schemas: { params, query, body: spec.body },
    run: async (request, choose = async (now) => await now()) => {
      const read = {
        params: check(params, request.params, (faults) => new ProblemError('not_found', `nothing is named so: ${said(faults)}`)),
        query: check(query, request.query, (faults) => new ProblemError('bad_query', said(faults), { faults })),
        body: spec.body === undefined ? undefined : check(spec.body, request.body, (faults) => new ProblemError('bad_request', said(faults), { faults })),
      };
      return await handle({ ...request, ...read, choose } as RouteRequest<z.output<P>, z.output<Q>, z.output<B>>);
    },
  };
}

function check<T extends z.ZodType>(schema: T, value: unknown, problem: (faults: Fault[]) => ProblemError): z.output<T> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw problem(faultsOf(parsed.error));
  return parsed.data;
}

const said = (faults: readonly Fault[]): string => faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
