import type { z } from 'zod';

/** What stands for a required part, or one that decides how others are read, where it is at fault; none of these is itself ever at fault. */
const standIns: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['source', { task: 'integrate' }], ['key', 'id'], ['source.http.url', 'https://upstream.invalid/'], ['source.http.forEach', { list: ['x'] }], ['schedule.any.*', { every: 86_400_000 }],
]);
/** Read by the format: without it nobody can say what is wrong with them. */
const readByFormat = ['items', 'item', 'key', 'fields'];
const triggers = ['every', 'cron', 'at', 'after', 'any'];
/** Each round cuts at least one part off; deeper than this nothing nests. */
const mostRounds = 12;

export interface PlacedIssue {
  readonly path: readonly PropertyKey[];
  readonly code: string;
}

type Node = Record<PropertyKey, unknown>;

/**
 * Reads what of a job can be read: its parts at fault are cut off, with stand-ins where one is required, until the rest parses.
 * `onRound` is told of the issues of each round, those of the first included; undefined where nothing can be read.
 */
export function readableParts<Output, Issue extends PlacedIssue>({ body, read, issuesOf, onRound }: {
  readonly body: object;
  readonly read: (body: unknown) => z.ZodSafeParseResult<Output>;
  readonly issuesOf: (error: z.ZodError) => readonly Issue[];
  readonly onRound: (issues: readonly Issue[]) => void;
}): Output | undefined {
  const rest = structuredClone(body);
  for (let round = 0; round < mostRounds; round += 1) {
    const parsed = read(rest);
    if (parsed.success) return parsed.data;
    const issues = issuesOf(parsed.error);
    onRound(issues);
    for (const { path, code } of issues) if (code !== 'several_triggers') cut(rest as Node, path);
    if (issues.some(({ code }) => code === 'several_triggers')) keepOneTrigger((rest as Node)['schedule']);
  }
  return undefined;
}

function cut(root: Node, path: readonly PropertyKey[]): void {
  let parent: unknown = root;
  for (const [depth, name] of path.entries()) {
    if (typeof parent !== 'object' || parent === null) return;
    const node = parent as Node;
    const at = path.slice(0, depth + 1);
    const standIn = standIns.get(at.map((part) => (typeof part === 'number' ? '*' : String(part))).join('.'));
    const inList = typeof path[depth + 1] === 'number' && at.join('.') !== 'schedule.any';
    const last = depth === path.length - 1 || inList || !Object.hasOwn(node, name);
    // A required part that is missing in a part with a stand-in takes all of that part with it.
    if (!last) { parent = node[name]; continue; }
    if (standIn !== undefined) node[name] = structuredClone(standIn);
    else if (Object.hasOwn(node, name)) Reflect.deleteProperty(node, name);
    else if (depth > 0) cut(root, path.slice(0, depth));
    if (name === 'format' && depth === 0) for (const part of readByFormat) cut(root, [part]);
    return;
  }
}

function keepOneTrigger(schedule: unknown): void {
  if (typeof schedule !== 'object' || schedule === null) return;
  const given = triggers.filter((name) => Object.hasOwn(schedule, name));
  for (const name of given.slice(0, -1)) Reflect.deleteProperty(schedule, name);
}
