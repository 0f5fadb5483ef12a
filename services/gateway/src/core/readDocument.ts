import type { Fault } from '@gleaner/contracts';
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';

export type ReadDocument = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly faults: readonly Fault[] };

/** Deeper than any job is, shallower than any stack: also what stops a YAML alias that holds itself. */
const maxDepth = 100;

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
  return faults.length > 0 ? { ok: false, faults } : shallow(value);
}

/** Reads one YAML 1.2 document (JSON is one too); duplicate names, custom tags and endless aliases are faults, each with its line. */
export function readYaml(text: string): ReadDocument {
  try {
    const document = parseDocument(text, { uniqueKeys: true, strict: true, prettyErrors: true, version: '1.2' });
    const faults: Fault[] = [...document.errors, ...document.warnings].map((error) => ({ path: '', code: `yaml_${error.code.toLowerCase()}`, message: error.message.split('\n')[0] ?? error.code }));
    if (faults.length === 0) collectInexact(document.contents, [], faults);
    return faults.length > 0 ? { ok: false, faults } : shallow(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    // Aliases without end, or more brackets than the stack holds.
    return { ok: false, faults: [{ path: '', code: 'yaml_unreadable', message: `expected YAML that can be read: ${error instanceof Error ? error.message : String(error)}` }] };
  }
}

function shallow(value: unknown): ReadDocument {
  return isDeeper(value, maxDepth) ? { ok: false, faults: [{ path: '', code: 'too_deep', message: `expected at most ${maxDepth} lists and objects inside each other` }] } : { ok: true, value };
}

const isDeeper = (value: unknown, depth: number): boolean => typeof value === 'object' && value !== null && (depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1)));

function collectInexact(node: unknown, path: readonly string[], faults: Fault[]): void {
  if (isMap(node)) for (const pair of node.items) collectInexact(pair.value, [...path, isScalar(pair.key) ? String(pair.key.value) : '?'], faults);
  else if (isSeq(node)) node.items.forEach((item, index) => collectInexact(item, [...path, String(index)], faults));
  else if (isScalar(node) && typeof node.value === 'number' && isInexact(node.value, node.source)) faults.push(inexactFault(path.join('.'), node.source ?? String(node.value)));
}

/** Only whole numbers: 0.1 is not exact either, but everybody means the nearest double by it. */
const isInexact = (value: number, source: string | undefined): boolean =>
  source !== undefined && /^[-+]?\d+$/.test(source) && !(Number.isSafeInteger(value) || BigInt(source.replace('+', '')) === BigInt(Number.isFinite(value) ? value : 0));

const inexactFault = (path: string, source: string): Fault => ({ path, code: 'inexact_number', message: `${source} does not fit a double exactly; write it as a text: ${JSON.stringify(source)}` });
