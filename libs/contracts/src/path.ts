/** A path into an answer, cut into its segments; none = the whole. */
export type Path = readonly string[];

/** Reads `a.b\.c.0` as [a, b.c, 0]; `$` and `` are the whole; `\\` is a backslash. */
export function parsePath(text: string): Path {
  if (text === '$' || text === '') return [];
  const segments: string[] = [];
  let segment = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    const next = text[at + 1];
    if (char === '\\' && (next === '.' || next === '\\')) {
      segment += next;
      at += 1;
    } else if (char === '.') {
      segments.push(segment);
      segment = '';
    } else segment += char;
  }
  return [...segments, segment];
}

/** Names that every object inherits: these are looked up as own properties only. */
const inherited: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Makes the function that follows a path; undefined where it leads nowhere. A segment of digits indexes an array. */
export function compilePath(path: Path): (value: unknown) => unknown {
  const [only] = path;
  if (path.length === 1 && only !== undefined && !inherited.has(only)) {
    return (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>)[only] : step(value, only));
  }
  return (value) => readPath(value, path);
}

/** Follows a path; undefined where it leads nowhere. */
export function readPath(value: unknown, path: Path): unknown {
  let at = value;
  for (const segment of path) at = step(at, segment);
  return at;
}

function step(value: unknown, segment: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return /^\d+$/.test(segment) ? value[Number(segment)] : undefined;
  return Object.hasOwn(value, segment) ? (value as Record<string, unknown>)[segment] : undefined;
}

/** Why a text is no path; undefined where it is one. A name in it may hold anything, escaped dots too, but be empty. */
export function pathFault(text: string): string | undefined {
  return parsePath(text).includes('') ? `expected names with a dot between them, such as response.items (\`\\.\` is a dot in a name, \`$\` the body itself); saw an empty name in ${JSON.stringify(text)}` : undefined;
}
