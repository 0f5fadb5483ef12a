import { parsePath } from '@gleaner/contracts';
import type { FieldTree } from './writeBson.ts';

type Mutable = { [name: string]: true | Mutable };

/** Dotted paths as a tree of what to write: `a.b, a.c, d` → `{a: {b, c}, d}`; a path that holds another takes all of it, and `$` is the whole: undefined. */
export function fieldTree(paths: readonly string[]): FieldTree | undefined {
  const tree = Object.create(null) as Mutable;
  for (const path of paths) {
    const names = parsePath(path);
    if (names.length === 0) return undefined;
    let at = tree;
    for (const [index, name] of names.entries()) {
      const standing = at[name];
      if (standing === true) break;
      if (index === names.length - 1) at[name] = true;
      else at = at[name] = standing ?? (Object.create(null) as Mutable);
    }
  }
  return tree;
}

/** The same choice on a value that is an object already. */
export function pickFields(value: unknown, tree: FieldTree): unknown {
  if (Array.isArray(value)) return value.filter((inner) => typeof inner === 'object' && inner !== null).map((inner: unknown) => pickFields(inner, tree));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
      const wanted = Object.hasOwn(tree, name) ? tree[name] : undefined;
      if (wanted === undefined) return [];
      if (wanted === true) return [[name, inner]];
      return typeof inner === 'object' && inner !== null && !(inner instanceof Date) && !('_bsontype' in inner) ? [[name, pickFields(inner, wanted)]] : [];
    }),
  );
}
