import type { Fault } from '@gleaner/contracts';
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';

export type ReadDocument = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly faults: readonly Fault[] };

/** Reads JSON; a whole number that a double cannot hold is a fault, because it would be changed without a word. */
export function readJson(text: string): ReadDocument {
  const faults: Fault[] = [];
  const inexact = new Set<string>();
  let value: unknown;
  try {
    value = JSON.parse(text, (key: string, inner: unknown, context?: { readonly source?: string }) => {
      if (typeof inner === 'number' && isInexact(inner, context?.source)) inexact.add(context?.source ?? key);
      return inner;
    });
  } catch (error) {
    return { ok: false, faults: [{ path: '', code: 'not_json', message: `expected JSON: ${error instanceof Error ? error.message : String(error)}` }] };
  }
  for (const source of inexact) faults.push(inexactFault('', source));
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value };
}

/** Reads one YAML 1.2 document (JSON is one too); duplicate names, custom tags and endless aliases are faults, each with its line. */
export function readYaml(text: string): ReadDocument {
  const document = parseDocument(text, { uniqueKeys: true, strict: true, prettyErrors: true, version: '1.2' });
  const faults: Fault[] = [...document.errors, ...document.warnings].map((error) => ({ path: '', code: `yaml_${error.code.toLowerCase()}`, message: error.message.split('\n')[0] ?? error.code }));
  if (faults.length > 0) return { ok: false, faults };
  collectInexact(document.contents, [], faults);
  if (faults.length > 0) return { ok: false, faults };
  try {
    return { ok: true, value: document.toJS({ maxAliasCount: 100 }) as unknown };
  } catch (error) {
    return { ok: false, faults: [{ path: '', code: 'yaml_alias', message: error instanceof Error ? error.message : String(error) }] };
  }
}

function collectInexact(node: unknown, path: readonly string[], faults: Fault[]): void {
  if (isMap(node)) for (const pair of node.items) collectInexact(pair.value, [...path, isScalar(pair.key) ? String(pair.key.value) : '?'], faults);
  else if (isSeq(node)) node.items.forEach((item, index) => collectInexact(item, [...path, String(index)], faults));
  else if (isScalar(node) && typeof node.value === 'number' && isInexact(node.value, node.source)) faults.push(inexactFault(path.join('.'), node.source ?? String(node.value)));
}

/** Only whole numbers: 0.1 is not exact either, but everybody means the nearest double by it. */
const isInexact = (value: number, source: string | undefined): boolean =>
  source !== undefined && /^[-+]?\d+$/.test(source) && !(Number.isSafeInteger(value) || BigInt(source.replace('+', '')) === BigInt(Number.isFinite(value) ? value : 0));

const inexactFault = (path: string, source: string): Fault => ({ path, code: 'inexact_number', message: `${source} does not fit a double exactly; write it as a text: ${JSON.stringify(source)}` });
