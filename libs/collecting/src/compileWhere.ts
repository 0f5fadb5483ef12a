import type { Fault } from '@gleaner/contracts';
import { compareValues, equalValues, typeOf } from './compareValues.ts';

type Test = (value: unknown) => boolean;

/** A query as one test, or all that is wrong with it. */
export type CompiledWhere =
  | { readonly ok: true; readonly test: Test; /** The test may run a regular expression, whose time has to be limited. */ readonly hasRegex: boolean }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const maxDepth = 20;
const joins = ['$and', '$or', '$nor'];
const operators = ['$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$exists', '$regex', '$options', '$not', '$size', '$all', '$elemMatch'];

/** Where in the query the compiler is, and what it has seen. */
interface Place {
  readonly path: string;
  readonly depth: number;
  readonly seen: { readonly faults: Fault[]; hasRegex: boolean };
}
const inside = (place: Place, name: string | number, deeper = 0): Place => ({ path: `${place.path}.${name}`, depth: place.depth + deeper, seen: place.seen });

/** Notes a fault; what is returned stands in for the test that could not be made. */
function refuse({ path, seen }: Place, code: string, message: string): Test {
  seen.faults.push({ path, code, message });
  return () => false;
}
const badOperand = (place: Place, name: string, what: string, operand: unknown): Test => refuse(place, 'bad_operand', `expected ${what} in ${name}; saw ${shown(operand)}`);
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};

/**
 * Compiles a MongoDB query over plain JSON documents into one test; the same items match as in MongoDB itself (paths go through arrays,
 * null also means absent, ordering stays within a type). Only operators that compare data are known: nothing that runs code or reads other documents.
 * Faults have dotted paths below `at`.
 */
export function compileWhere(where: unknown, at = 'where'): CompiledWhere {
  const seen: Place['seen'] = { faults: [], hasRegex: false };
  const test = compileQuery(where, { path: at, depth: 0, seen });
  return seen.faults.length > 0 ? { ok: false, faults: seen.faults } : { ok: true, test, hasRegex: seen.hasRegex };
}

/** What is wrong with a query; none where nothing is. */
export function whereFaults(where: unknown, at = 'where'): readonly Fault[] {
  const compiled = compileWhere(where, at);
  return compiled.ok ? [] : compiled.faults;
}

function compileQuery(query: unknown, place: Place): Test {
  if (!isObject(query)) return refuse(place, 'bad_where', `expected a query such as {"Price": {"$gt": 5}}; saw ${shown(query)}`);
  if (place.depth > maxDepth) return refuse(place, 'too_deep', `expected at most ${maxDepth} queries inside each other`);
  return all(Object.entries(query).map(([name, operand]): Test => {
    const here = inside(place, name);
    if (joins.includes(name)) return compileJoin(name, operand, here);
    if (name === '$comment') return () => true;
    if (name.startsWith('$')) return refuse(here, 'unknown_operator', `expected ${joins.join(', ')} or the path of a field; saw ${name}`);
    const segments = name.split('.');
    if (name.includes('\0') || segments.includes('')) return refuse(here, 'bad_path', `expected the path of a field such as price or offers.0.price; saw ${shown(name)}`);
    return isOperators(operand) ? compileOperators(segments, operand, here) : reach(segments, equals(operand));
  }));
}

function compileJoin(name: string, operand: unknown, place: Place): Test {
  if (!Array.isArray(operand) || operand.length === 0) return badOperand(place, name, 'a list of queries', operand);
  const tests = operand.map((query: unknown, index) => compileQuery(query, inside(place, index, 1)));
  if (name === '$and') return all(tests);
  const some = any(tests);
  return name === '$or' ? some : (document) => !some(document);
}

const all = (tests: readonly Test[]): Test => {
  const [first, second] = tests;
  if (tests.length === 1 && first) return first;
  if (tests.length === 2 && first && second) return (value) => first(value) && second(value);
  return (value) => tests.every((test) => test(value));
};
const any = (tests: readonly Test[]): Test => (value) => tests.some((test) => test(value));
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isOperators = (value: unknown): value is Readonly<Record<string, unknown>> => isObject(value) && Object.keys(value)[0]?.startsWith('$') === true;

/** Every operator of a field's condition; without a path (`segments` empty) they speak of the value itself. */
function compileOperators(segments: readonly string[], operand: Readonly<Record<string, unknown>>, place: Place): Test {
  if (place.depth > maxDepth) return refuse(place, 'too_deep', `expected at most ${maxDepth} queries inside each other`);
  return all(Object.entries(operand).map(([name, part]) => compileOperator(segments, name, part, operand, inside(place, name))));
}

/** A test of what a path leads to: `leaf` is asked of the values there (elements of an array too), `absent` where there is none. */
interface Leaf {
  readonly leaf: Test;
  readonly absent: boolean;
  /** Asked of an array as a whole instead of its elements. */
  readonly whole?: 'only' | 'also';
}

function compileOperator(segments: readonly string[], name: string, operand: unknown, siblings: Readonly<Record<string, unknown>>, place: Place): Test {
  const negated = (leaf: Leaf): Test => {
    const test = reach(segments, leaf);
    return (document) => !test(document);
  };
  switch (name) {
    case '$eq': return reach(segments, equals(operand));
    case '$ne': return negated(equals(operand));
    case '$gt': return reach(segments, ordered(operand, (order) => order > 0, false));
    case '$gte': return reach(segments, ordered(operand, (order) => order >= 0, true));
    case '$lt': return reach(segments, ordered(operand, (order) => order < 0, false));
    case '$lte': return reach(segments, ordered(operand, (order) => order <= 0, true));
    case '$in': case '$nin': {
      if (!Array.isArray(operand) || operand.some(isOperators)) return badOperand(place, name, 'a list of values', operand);
      return name === '$in' ? reach(segments, oneOf(operand)) : negated(oneOf(operand));
    }
    case '$exists': {
      if (typeof operand !== 'boolean') return badOperand(place, name, 'true or false', operand);
      const there = reach(segments, { leaf: () => true, absent: false, whole: 'only' });
      return operand ? there : (document) => !there(document);
    }
    case '$regex': return compileRegex(segments, operand, siblings['$options'], place);
    case '$options': // read by $regex; here it is only judged
      return typeof operand === 'string' && /^[imsu]*$/.test(operand) && '$regex' in siblings ? () => true : badOperand(place, name, 'some of i, m, s beside a $regex', operand);
    case '$not': {
      if (!isOperators(operand)) return badOperand(place, name, 'operators such as {$gt: 5}', operand);
      const inner = compileOperators(segments, operand, { ...place, depth: place.depth + 1 });
      return (document) => !inner(document);
    }
    case '$size':
      if (typeof operand !== 'number' || !Number.isInteger(operand) || operand < 0) return badOperand(place, name, 'a whole number', operand);
      return reach(segments, { leaf: (value) => Array.isArray(value) && value.length === operand, absent: false, whole: 'only' });
    case '$all': {
      if (!Array.isArray(operand)) return badOperand(place, name, 'a list', operand);
      if (operand.length === 0) return () => false;
      return all(operand.map((part: unknown, index) => (isObject(part) && '$elemMatch' in part ? compileOperators(segments, part, inside(place, index, 1)) : reach(segments, equals(part)))));
    }
    case '$elemMatch': return compileElemMatch(segments, operand, { ...place, depth: place.depth + 1 });
    default:
      if (!name.startsWith('$')) return refuse(place, 'mixed', `expected operators only, because the first one is; saw ${shown(name)}`);
      return refuse(place, 'unknown_operator', `expected one of ${operators.join(', ')}; saw ${name}`);
  }
}

function equals(operand: unknown): Leaf {
  if (operand === null) return { leaf: (value) => value === null, absent: true };
  if (typeof operand === 'object') return { leaf: (value) => equalValues(value, operand), absent: false, whole: 'also' };
  return { leaf: (value) => value === operand, absent: false };
}

function ordered(operand: unknown, test: (order: number) => boolean, includesEqual: boolean): Leaf {
  const type = typeOf(operand);
  return { leaf: (value) => typeOf(value) === type && test(compareValues(value, operand)), absent: operand === null && includesEqual, whole: 'also' };
}

/** One set look-up for scalars, however many there are. */
function oneOf(operand: readonly unknown[]): Leaf {
  const scalars = new Set<unknown>(operand.filter((part) => typeof part !== 'object'));
  const others: readonly unknown[] = operand.filter((part) => typeof part === 'object' && part !== null);
  const hasNull = operand.includes(null);
  if (others.length === 0) return { leaf: (value) => scalars.has(value) || (hasNull && value === null), absent: hasNull };
  return { leaf: (value) => scalars.has(value) || (hasNull && value === null) || others.some((other) => equalValues(value, other)), absent: hasNull, whole: 'also' };
}

function compileRegex(segments: readonly string[], operand: unknown, options: unknown, place: Place): Test {
  place.seen.hasRegex = true;
  const flags = typeof options === 'string' ? options.replaceAll(/[^ims]/g, '') : '';
  if (typeof operand !== 'string') return badOperand(place, '$regex', 'a regular expression', operand);
  let pattern: RegExp;
  try {
    pattern = new RegExp(operand, `${[...new Set(flags)].join('')}u`);
  } catch (error) {
    return refuse(place, 'bad_operand', `expected a regular expression in $regex, as JavaScript reads it with the flag u; ${String(error)}`);
  }
  return reach(segments, { leaf: (value) => typeof value === 'string' && pattern.test(value), absent: false });
}

function compileElemMatch(segments: readonly string[], operand: unknown, place: Place): Test {
  // Operators without a path speak of the element itself.
  const onValues = isOperators(operand) && !joins.includes(Object.keys(operand)[0] ?? '');
  const test = onValues ? compileOperators([], operand, place) : onDocuments(compileQuery(operand, place));
  return reach(segments, { leaf: (value) => Array.isArray(value) && value.some((element: unknown) => test(element)), absent: false, whole: 'only' });
}

/** A query over elements that are documents; a list in the list is one with indexes for names. */
const onDocuments = (query: Test): Test => (element) => typeof element === 'object' && element !== null && query(Array.isArray(element) ? Object.fromEntries(Object.entries(element)) : element);

/** Follows a path as MongoDB does: through the elements of arrays, and a number is an index as well as a name. */
function reach(segments: readonly string[], leaf: Leaf): Test {
  if (segments.length === 0) return (value) => leaf.leaf(value);
  const [only] = segments;
  if (segments.length === 1 && only !== undefined && !(only in Object.prototype)) {
    return (document) => {
      if (typeof document !== 'object' || document === null || Array.isArray(document)) return follow(document, segments, 0, leaf);
      const value = (document as Readonly<Record<string, unknown>>)[only];
      return value === undefined ? leaf.absent : typeof value === 'object' ? atLeaf(value, leaf) : leaf.leaf(value);
    };
  }
  return (document) => follow(document, segments, 0, leaf);
}

function follow(value: unknown, segments: readonly string[], from: number, leaf: Leaf): boolean {
  const segment = segments[from];
  if (segment === undefined) return value === undefined ? leaf.absent : atLeaf(value, leaf);
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value;
    if (/^(0|[1-9]\d*)$/.test(segment)) {
      const index = Number(segment);
      // What an index leads to at the path's end is taken as it is: a list in a list is not opened.
      if (index < list.length && (from + 1 === segments.length ? leaf.leaf(list[index]) : typeof list[index] === 'object' && list[index] !== null && follow(list[index], segments, from + 1, leaf))) return true;
    }
    for (const element of list) {
      if (!isObject(element)) continue;
      if (follow(element, segments, from, leaf)) return true;
    }
    return false; // an array without documents has neither a value there nor an absent one
  }
  if (!isObject(value)) return leaf.absent;
  const next = Object.hasOwn(value, segment) ? value[segment] : undefined;
  return follow(next, segments, from + 1, leaf);
}

function atLeaf(value: unknown, leaf: Leaf): boolean {
  if (!Array.isArray(value)) return leaf.leaf(value);
  if (leaf.whole === 'only') return leaf.leaf(value);
  if (value.some((element: unknown) => leaf.leaf(element))) return true;
  return leaf.whole === 'also' && leaf.leaf(value);
}
