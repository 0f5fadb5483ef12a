import { AttemptFailure } from './AttemptFailure.ts';
import { compareValues, equalValues, typeOf } from './compareValues.ts';

type Test = (value: unknown) => boolean;

const badWhere = (message: string): AttemptFailure => new AttemptFailure('bad_template', `where: ${message}`);

/**
 * Compiles a MongoDB query over plain JSON documents into one test; the same items match as in MongoDB itself (paths go through arrays,
 * null also means absent, ordering stays within a type). Throws a `bad_template` failure for operators and operands it does not know.
 */
export function compileWhere(query: Readonly<Record<string, unknown>>): Test {
  const tests = Object.entries(query).map(([name, operand]): Test => {
    if (name === '$and') return all(queries(name, operand));
    if (name === '$or') return any(queries(name, operand));
    if (name === '$nor') {
      const some = any(queries(name, operand));
      return (document) => !some(document);
    }
    if (name === '$comment') return () => true;
    if (name.startsWith('$')) throw badWhere(`expected $and, $or, $nor or a path; saw ${name}`);
    return compileField(name, operand);
  });
  return all(tests);
}

/** True where a compiled query may run a regular expression, whose time has to be limited. */
export function hasRegex(query: unknown): boolean {
  if (typeof query !== 'object' || query === null) return false;
  return Object.entries(query).some(([name, operand]) => name === '$regex' || hasRegex(operand));
}

function queries(name: string, operand: unknown): Test[] {
  if (!Array.isArray(operand) || operand.length === 0 || !operand.every(isObject)) throw badWhere(`expected a list of queries in ${name}`);
  return operand.map((query) => compileWhere(query as Record<string, unknown>));
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

function compileField(path: string, operand: unknown): Test {
  const segments = path.split('.');
  if (!isOperators(operand)) return reach(segments, equals(operand));
  return all(Object.entries(operand).filter(([name]) => name !== '$options').map(([name, part]) => compileOperator(segments, name, part, operand)));
}

/** A test of what a path leads to: `leaf` is asked of the values there (elements of an array too), `absent` where there is none. */
interface Leaf {
  readonly leaf: Test;
  readonly absent: boolean;
  /** Asked of an array as a whole instead of its elements. */
  readonly whole?: 'only' | 'also';
}

function compileOperator(segments: readonly string[], name: string, operand: unknown, siblings: Readonly<Record<string, unknown>>): Test {
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
    case '$in': return reach(segments, oneOf(name, operand));
    case '$nin': return negated(oneOf(name, operand));
    case '$exists': {
      const there = reach(segments, { leaf: () => true, absent: false, whole: 'only' });
      return operand === false || operand === 0 || operand === null ? (document) => !there(document) : there;
    }
    case '$regex': return reach(segments, matches(operand, siblings['$options']));
    case '$not': {
      if (!isOperators(operand)) throw badWhere('expected operators in $not, such as {$not: {$gt: 5}}');
      const inner = all(Object.entries(operand).filter(([inside]) => inside !== '$options').map(([inside, part]) => compileOperator(segments, inside, part, operand)));
      return (document) => !inner(document);
    }
    case '$size': {
      if (typeof operand !== 'number' || !Number.isInteger(operand) || operand < 0) throw badWhere('expected a whole number in $size');
      return reach(segments, { leaf: (value) => Array.isArray(value) && value.length === operand, absent: false, whole: 'only' });
    }
    case '$all': {
      if (!Array.isArray(operand)) throw badWhere('expected a list in $all');
      if (operand.length === 0) return () => false;
      return all(operand.map((part: unknown) => (isObject(part) && '$elemMatch' in part ? compileOperator(segments, '$elemMatch', part['$elemMatch'], part) : reach(segments, equals(part)))));
    }
    case '$elemMatch': return reach(segments, elementMatches(operand));
    default: throw badWhere(`expected a known operator; saw ${name}`);
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
function oneOf(name: string, operand: unknown): Leaf {
  if (!Array.isArray(operand)) throw badWhere(`expected a list in ${name}`);
  const scalars = new Set<unknown>(operand.filter((part) => typeof part !== 'object'));
  const others: readonly unknown[] = operand.filter((part) => typeof part === 'object' && part !== null);
  if (others.some(isOperators)) throw badWhere(`expected values in ${name}; saw an operator`);
  const hasNull = operand.includes(null);
  if (others.length === 0) return { leaf: (value) => scalars.has(value) || (hasNull && value === null), absent: hasNull };
  return { leaf: (value) => scalars.has(value) || (hasNull && value === null) || others.some((other) => equalValues(value, other)), absent: hasNull, whole: 'also' };
}

function matches(operand: unknown, options: unknown): Leaf {
  const flags = options === undefined ? '' : options;
  if (typeof operand !== 'string' || typeof flags !== 'string' || /[^imsxu]/.test(flags)) throw badWhere('expected a text in $regex and some of i, m, s in $options');
  if (flags.includes('x')) throw badWhere('expected some of i, m, s in $options; x is not supported');
  let pattern: RegExp;
  try {
    pattern = new RegExp(operand, `${flags.replaceAll(/[xu]/g, '')}u`);
  } catch (cause) {
    throw badWhere(`expected a regular expression in $regex; ${String(cause)}`);
  }
  return { leaf: (value) => typeof value === 'string' && pattern.test(value), absent: false };
}

function elementMatches(operand: unknown): Leaf {
  if (!isObject(operand)) throw badWhere('expected a query in $elemMatch');
  const logical = new Set(['$and', '$or', '$nor']);
  const onValues = isOperators(operand) && !logical.has(Object.keys(operand)[0] ?? '');
  // Operators without a path speak of the element itself.
  const test: Test = onValues
    ? all(Object.entries(operand).filter(([name]) => name !== '$options').map(([name, part]) => compileOperator([], name, part, operand)))
    : ((query) => (element: unknown) => typeof element === 'object' && element !== null && query(Array.isArray(element) ? Object.fromEntries(Object.entries(element)) : element))(compileWhere(operand)); // a list in the list is a document with indexes for names
  return { leaf: (value) => Array.isArray(value) && value.some((element: unknown) => test(element)), absent: false, whole: 'only' };
}

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
