import { problemSchema } from '@gleaner/contracts/answers';
import { z } from 'zod';
import type { Route } from './http/route.ts';

type Json = Record<string, unknown>;

/** The document of OpenAPI 3.1 of these routes, made from the schemas that check their requests. */
export function openapi({ routes, version }: { readonly routes: readonly Route[]; readonly version: string }): Json {
  const components: Json = {};
  const toSchema = schemaMaker(components);
  const paths: Record<string, Json> = {};
  toSchema(problemSchema, 'output', 'Problem');
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route, toSchema);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Gleaner', version, description: 'Gathers data from upstream services on a schedule, keeps how it changed, and serves any moment of it.' },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: { schemas: components, securitySchemes: { key: { type: 'http', scheme: 'bearer' }, session: { type: 'apiKey', in: 'cookie', name: 'gleaner_session' } } },
  };
}

type ToSchema = (schema: z.ZodType, io: 'input' | 'output', name: string) => Json;

function operation(route: Route, toSchema: ToSchema): Json {
  const { schemas, answers, headers, scope, bodyRules, bodyDoc } = route;
  const id = `${route.method.toLowerCase()}${route.path.replaceAll(/[^\w]+(\w)?/g, (_match, letter: string | undefined) => letter?.toUpperCase() ?? '')}`;
  const fields = (part: z.ZodObject, where: 'path' | 'query'): Json[] =>
    Object.entries(part.shape as Record<string, z.ZodType>).map(([name, schema]) => {
      const { description, ...rest } = toSchema(schema, 'input', `${id}_${name}`);
      const repeats = where === 'query' && JSON.stringify(rest).includes('"array"');
      return { name, in: where, required: where === 'path' || !schema.safeParse(undefined).success, schema: rest, ...(description === undefined ? {} : { description }), ...(repeats ? { style: 'form', explode: true } : {}) };
    });
  const types = bodyRules?.yaml ? ['application/json', 'application/yaml'] : ['application/json'];
  const body = bodyDoc ?? schemas.body;
  return {
    operationId: id, summary: route.summary, tags: [route.tag],
    ...(scope === 'open' ? { security: [] } : { 'x-scope': scope }),
    parameters: [
      ...fields(schemas.params, 'path'), ...fields(schemas.query, 'query'),
      ...Object.entries(headers).map(([name, description]) => ({ name, in: 'header', required: false, description, schema: { type: 'string' } })),
    ],
    ...(body === undefined ? {} : { requestBody: { required: bodyRules?.optional !== true, content: Object.fromEntries(types.map((type) => [type, { schema: toSchema(body, 'input', id) }])) } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, {
        description: answer.description,
        ...(Number(status) >= 400 && !answer.schema ? { content: problemContent } : answer.schema || answer.types
          ? { content: Object.fromEntries((answer.types ?? ['application/json']).map((type) => [type, { schema: answer.schema && type === 'application/json' ? toSchema(answer.schema, 'output', `${id}_${status}`) : { type: 'string' } }])) } : {}),
      }])),
      default: { description: 'A problem.', content: problemContent },
    },
  };
}

const problemContent = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

/** Schemas with a name of their own go to the components once; what recursion names by itself is named after its place. */
function schemaMaker(components: Json): ToSchema {
  return (schema, io, name) => {
    const made = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' }) as Json;
    const { $defs = {}, $schema: _dialect, ...rest } = made;
    const names = new Map(Object.keys($defs as Json).map((own) => [own, own.startsWith('__') ? `${name}${own}` : own]));
    const renamed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(renamed);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
        if (key === 'id' || key === '$id') return typeof inner === 'string' ? [] : [[key, renamed(inner)]];
        if (key === '$ref' && typeof inner === 'string') {
          const own = inner.replace('#/$defs/', '');
          return [[key, inner === '#' ? `#/components/schemas/${name}` : `#/components/schemas/${names.get(own) ?? own}`]];
        }
        return [[key, renamed(inner)]];
      }));
    };
    for (const [own, definition] of Object.entries($defs as Json)) components[names.get(own) ?? own] ??= renamed(definition);
    const own = typeof made['id'] === 'string' ? made['id'] : undefined;
    if (own === undefined) return renamed(rest) as Json;
    components[own] ??= renamed(rest);
    return { $ref: `#/components/schemas/${own}` };
  };
}
