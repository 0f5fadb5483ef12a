/** What a dotted path (`\.` is a dot in a name) leads to in a value; undefined where it leads nowhere. Digits index a list. */
export function valueAt(data: unknown, path: string): unknown {
  let at = data;
  for (const name of path.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'))) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}
