import { createHash } from 'node:crypto';
import { z } from 'zod';
import { readableParts, type PlacedIssue } from './readableParts.ts';
import { duration, jobId, scheduleSchema } from './schedule.ts';
import { parseSize } from './units.ts';
import { unstorableFaults } from './unstorableFaults.ts';

const size = z.union([z.string(), z.number()]).transform((value, context) => {
  const bytes = parseSize(value);
  if (bytes === undefined || bytes < 1) context.addIssue({ code: 'custom', message: `expected a size such as 64MiB, or bytes; saw ${JSON.stringify(value)}`, params: { code: 'bad_size' } });
  return bytes ?? 1;
});

const text = z.string().max(65_536);
const name = z.string().min(1).max(256);
const templated = z.union([z.string(), z.number(), z.boolean()]).transform((value) => String(value));

const paginateSchema = z
  .strictObject({
    next: z.union([z.literal('link'), z.strictObject({ path: name })]).optional(),
    cursor: z.strictObject({ path: name, param: name }).optional(),
    page: z.strictObject({ param: name, start: z.int().default(1) }).optional(),
    offset: z.strictObject({ param: name, size: z.int().min(1) }).optional(),
    maxPages: z.int().min(1).max(10_000).default(100),
  })
  .superRefine((paginate, context) => {
    const given = (['next', 'cursor', 'page', 'offset'] as const).filter((kind) => paginate[kind] !== undefined);
    if (given.length !== 1) context.addIssue({ code: 'custom', message: `expected exactly one of next, cursor, page, offset; saw ${given.join(', ') || 'none'}`, params: { code: 'one_pagination' } });
  });

const authSchema = z
  .strictObject({
    bearer: text.optional(),
    basic: z.strictObject({ user: text, password: text }).optional(),
    header: z.strictObject({ name, value: text }).optional(),
    oauth2: z.strictObject({ tokenUrl: z.url({ protocol: /^https?$/ }), clientId: text, clientSecret: text, scope: text.optional() }).optional(),
  })
  .superRefine((auth, context) => {
    const given = Object.values(auth).filter((value) => value !== undefined).length;
    if (given !== 1) context.addIssue({ code: 'custom', message: `expected exactly one of bearer, basic, header, oauth2; saw ${given}`, params: { code: 'one_auth' } });
  });

const httpSchema = z.strictObject({
  url: z.string().min(1).max(8_192).refine((url) => /^(https?:\/\/|\{\{)/i.test(url), 'expected a URL that begins with http:// or https:// (or with a template)'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH']).default('GET'),
  query: z.record(name, templated).optional(),
  headers: z.record(name, templated).optional(),
  body: z.union([text, z.record(z.string(), z.json()), z.array(z.json())]).optional(),
  auth: authSchema.optional(),
  timeout: duration({ min: 100, max: 1_500_000 }).default(30_000),
  maxBytes: size.default(64 * 1024 ** 2),
  redirects: z.int().min(0).max(20).default(5),
  origins: z.array(z.url({ protocol: /^https?$/ })).max(50).optional(),
  retry: z.strictObject({ attempts: z.int().min(1).max(20).default(5) }).prefault({}),
  paginate: paginateSchema.optional(),
  forEach: z
    .union([z.strictObject({ list: z.array(templated).min(1).max(10_000) }), z.strictObject({ job: jobId, field: name })])
    .optional(),
});
export type HttpSource = z.output<typeof httpSchema>;

/** Computations that a job may name; the collector has one file for each. */
const taskNames = ['integrate'] as const;
export type TaskName = (typeof taskNames)[number];

const sourceSchema = z.union([
  z.strictObject({ http: httpSchema }),
  z.strictObject({ task: z.enum(taskNames, { error: ({ input }) => `expected one of the tasks ${taskNames.join(', ')}; saw ${JSON.stringify(input)}` }), params: z.record(name, z.json()).optional() }),
]);
export type Source = z.output<typeof sourceSchema>;

const fieldSchema = z.union([
  name,
  z.strictObject({ expr: z.string().min(1).max(4_096) }),
  z.strictObject({ path: name, type: z.enum(['number', 'string', 'date', 'boolean']).optional(), decimalComma: z.boolean().optional() }),
]);
export type FieldSpec = z.output<typeof fieldSchema>;

const formats = ['json', 'ndjson', 'csv', 'tsv', 'xml', 'html', 'text'] as const;
export type Format = (typeof formats)[number];

const percent = z.union([z.int().min(0), z.string().regex(/^(100|\d{1,2}(\.\d+)?)%$/, 'expected a number of items or a percentage such as 50%')]);

const gateSchema = z.strictObject({ minItems: z.int().min(0).optional(), maxRemoved: percent.optional(), required: z.array(name).max(100).optional() });
export type Gate = z.output<typeof gateSchema>;

const alertSchema = z.strictObject({
  on: z.array(z.enum(['changed', 'failed', 'recovered', 'stale', 'quarantined'])).min(1),
  webhook: z.strictObject({ url: z.string().min(1).max(8_192), template: text.optional() }),
});

const definitionShape = {
  title: z.string().max(200).optional(),
  schedule: scheduleSchema.prefault({}),
  source: sourceSchema,
  format: z.enum(formats).optional(),
  charset: z.string().max(40).optional(),
  items: z.string().max(512).optional(),
  item: z.string().min(1).max(512).optional(),
  key: z.union([name, z.array(name).min(1).max(10)]).optional(),
  where: z.record(z.string(), z.json()).optional(),
  fields: z.record(z.string().min(1).max(256), fieldSchema).optional(),
  partial: z.boolean().default(false),
  gate: gateSchema.optional(),
  retention: z.strictObject({ snapshots: z.int().min(1).optional(), age: duration({ min: 60_000 }).optional() }).optional(),
  retainRaw: duration({ min: 60_000 }).optional(),
  expectEvery: duration({ min: 1_000 }).optional(),
  alerts: z.array(alertSchema).max(20).optional(),
  limits: z.strictObject({ concurrency: z.int().min(1).max(1_000).optional(), perMinute: z.int().min(1).max(100_000).optional() }).optional(),
  maxDuration: duration({ min: 1_000, max: 1_500_000 }).default(600_000),
};

/** What a job file says beside its id; reading it fills every default, so that what is stored says all of it. */
export const jobDefinitionSchema = z.strictObject(definitionShape).superRefine((job, context) => {
  const fault = (path: (string | number)[], message: string, code: string) => context.addIssue({ code: 'custom', path, message, params: { code } });
  if (job.items !== undefined && job.item !== undefined) fault(['item'], 'expected items or item; saw both', 'items_and_item');
  if ('http' in job.source && job.item === undefined && job.key === undefined && !mayBeKeyed(job.items)) fault(['key'], 'expected a key: it is required where items is a list', 'missing_key');
});
/** Where `items` leads to an object its property names are the keys; that shows only in the answer, so an explicit `items` may go without a key. */
const mayBeKeyed = (items: string | undefined): boolean => items !== undefined;

export type JobDefinition = z.output<typeof jobDefinitionSchema>;
/** What a person may write: defaults left out, durations as text. */
export type JobInput = z.input<typeof jobDefinitionSchema> & { id?: string };

export interface Fault {
  /** Dotted path into the job, `` for the whole. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

type PlacedFault = PlacedIssue & Pick<Fault, 'message'>;

/** Flattens zod's issues (unions too: the branch that got furthest) into faults with dotted paths. */
export const faultsOf = (error: z.ZodError): Fault[] => placedFaultsOf(error).map(toFault);

const toFault = ({ path, code, message }: PlacedFault): Fault => ({ path: path.map(String).join('.'), code, message });

function placedFaultsOf(error: z.ZodError): PlacedFault[] {
  const flatten = (issues: readonly z.core.$ZodIssue[], prefix: readonly PropertyKey[]): PlacedFault[] =>
    issues.flatMap((issue) => {
      const path = [...prefix, ...issue.path];
      if (issue.code === 'invalid_union' && issue.errors.length > 0) {
        const deepest = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? [];
        if (depth(deepest) > 0 || deepest.some((inner) => inner.code === 'unrecognized_keys')) return flatten(deepest, path);
      }
      if (issue.code === 'unrecognized_keys')
        return issue.keys.map((key) => ({ path: [...path, key], code: 'unknown_field', message: `unknown field ${JSON.stringify(key)}` }));
      if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, code: issue.code, message: `expected another name: ${message}` }));
      const custom = issue.code === 'custom' ? (issue.params?.['code'] as string | undefined) : undefined;
      return [{ path, code: custom ?? issue.code, message: issue.message }];
    });
  const depth = (issues: readonly z.core.$ZodIssue[]): number => Math.max(0, ...issues.map((issue) => issue.path.length));
  return flatten(error.issues, []);
}

export type ParsedJob =
  | { readonly ok: true; readonly definition: JobDefinition }
  /** `readable`: the job without its parts at fault, for checks of the others; undefined where nothing is left. */
  | { readonly ok: false; readonly faults: Fault[]; readonly readable?: JobDefinition | undefined };

/** Reads a job body as PUT takes it: `id`, where given, must be the path's; read-only fields that GET adds are left out before. */
export function parseJob(id: string, body: unknown): ParsedJob {
  const faults: Fault[] = [];
  if (!jobId.safeParse(id).success) faults.push({ path: 'id', code: 'bad_id', message: `expected lower-case letters, digits and dashes, 63 at most; saw ${JSON.stringify(id)}` });
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { ok: false, faults: [...faults, { path: '', code: 'not_an_object', message: 'expected a job: an object with at least a source' }] };
  const { id: bodyId, ...rest } = body as Record<string, unknown>;
  if (bodyId !== undefined && bodyId !== id) faults.push({ path: 'id', code: 'other_id', message: `expected ${JSON.stringify(id)} as in the path; saw ${JSON.stringify(bodyId)}` });
  const writable = Object.fromEntries(Object.entries(rest).filter(([field]) => !readOnlyJobFields.has(field)));
  faults.push(...unstorableFaults(writable));
  if (faults.some(({ code }) => code === 'too_deep')) return { ok: false, faults };
  const parsed = jobDefinitionSchema.safeParse(writable);
  if (parsed.success) return faults.length === 0 ? { ok: true, definition: parsed.data } : { ok: false, faults, readable: parsed.data };
  // What is wrong with a part hides what is wrong beside it (zod compares parts only where all of them are right): so the rest is read again without it.
  const told: PlacedFault[] = [];
  const readable = readableParts({ body: writable, read: (value) => jobDefinitionSchema.safeParse(value), issuesOf: placedFaultsOf, onRound: (issues: readonly PlacedFault[]) => {
    const before = [...told];
    const isNew = (issue: PlacedFault): boolean => !before.some((other) => isWithin(issue, other) || isWithin(other, issue));
    // What is missing from the second round on was there, and at fault, or is asked for in its stead.
    told.push(...issues.filter((issue) => before.length === 0 || (issue.code !== 'invalid_type' && isNew(issue))));
  } });
  return { ok: false, faults: [...faults, ...told.map(toFault)], readable };
}

const isWithin = (inner: PlacedIssue, outer: PlacedIssue): boolean => outer.path.every((name, depth) => inner.path[depth] === name);

/** What GET adds to a job and PUT therefore takes without a word: PUT takes what GET gave. */
const readOnlyJobFields: ReadonlySet<string> = new Set([
  'version', 'paused', 'nextFire', 'lastRun', 'lastSuccessAt', 'itemCount', 'links', 'health', 'warnings', 'createdAt', 'changedAt',
]);

/** The parts of a job that decide what an answer's items become; their hash tells a changed definition from changed data. */
export const extractionOf = (job: JobDefinition) => ({
  format: job.format, charset: job.charset, items: job.items, item: job.item, key: job.key, where: job.where, fields: job.fields, partial: job.partial,
});
export type Extraction = ReturnType<typeof extractionOf>;

/** Hash of a JSON value that does not see the order of properties. */
export function stableHash(value: unknown): string {
  const ordered = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(ordered);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).filter(([, inner]) => inner !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, ordered(inner)]));
  };
  return createHash('sha256').update(JSON.stringify(ordered(value)) ?? 'undefined').digest('hex').slice(0, 32);
}

/** The order of `fields` is part of it not: two jobs that keep the same are the same. */
export const extractionHash = (job: JobDefinition): string => stableHash(extractionOf(job));

/** Hash of what is asked for: validators of another request are never sent. */
export const requestHash = (job: JobDefinition): string => stableHash(job.source);

/** Tries a run of this job may take. */
export const maxAttempts = (job: JobDefinition): number => ('http' in job.source ? job.source.http.retry.attempts : 5);
