import { compilePath, parsePath, type FieldSpec } from '@gleaner/contracts';
import { convertValue } from './convertValue.ts';

/** Told of a value that is not of its field's type and was kept as it came. */
export type OnMismatch = (field: string, type: string, value: unknown) => void;

/** How a format reads a field's path: dotted by default, a selector in HTML. */
export type CompileRead = (path: string) => (value: unknown) => unknown;

export interface CompiledFields {
  /** Builds the stored data, fields in the order of their names; a path that leads nowhere leaves its field out. Fields with `expr` come later. */
  readonly map: (value: unknown, onMismatch: OnMismatch) => Record<string, unknown>;
  readonly expressions: readonly { readonly name: string; readonly expr: string }[];
}

/**
 * Compiles `fields`: name → path, typed path, or JSONata expression. Fields are stored in the order of their names, whatever order the job has them in:
 * so the same data has one text, and nothing has to be sorted for its hash.
 */
export function compileFields(fields: Readonly<Record<string, FieldSpec>>, compileRead: CompileRead = (path) => compilePath(parsePath(path))): CompiledFields {
  const entries = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const readers = entries.flatMap(([name, spec]) => {
    if (typeof spec === 'object' && 'expr' in spec) return [];
    return [{ name, read: typeof spec === 'string' ? compileRead(spec) : typedReader(name, spec, compileRead) }];
  });
  const expressions = entries.flatMap(([name, spec]) => (typeof spec === 'object' && 'expr' in spec ? [{ name, expr: spec.expr }] : []));
  return {
    expressions,
    map: (value, onMismatch) => {
      const data: Record<string, unknown> = {};
      for (const { name, read } of readers) {
        const found = read(value, onMismatch);
        if (found !== undefined) setOwn(data, name, found);
      }
      return data;
    },
  };
}

function typedReader(name: string, spec: Exclude<FieldSpec, string | { expr: string }>, compileRead: CompileRead): (value: unknown, onMismatch: OnMismatch) => unknown {
  const read = compileRead(spec.path);
  const { type, decimalComma = false } = spec;
  if (type === undefined) return decimalComma ? typedReader(name, { ...spec, type: 'number' }, compileRead) : read;
  return (value, onMismatch) => {
    const found = read(value);
    const converted = convertValue(found, type, decimalComma);
    if (!converted.ok) onMismatch(name, type, found);
    return converted.value;
  };
}

/** Sets a property whatever its name; assigning to `__proto__` would change the prototype instead. */
export function setOwn(data: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(data, name, { value, enumerable: true, writable: true, configurable: true });
  else data[name] = value;
}
