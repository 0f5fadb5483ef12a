type Kind = 'null' | 'number' | 'text' | 'object' | 'list' | 'boolean';
/** MongoDB's order of types, as far as JSON has them. */
const rank: Readonly<Record<Kind, number>> = { null: 1, number: 2, text: 3, object: 4, list: 5, boolean: 6 };

/** The type that comparisons stay within. */
export function typeOf(value: unknown): Kind {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number') return 'number';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'boolean';
  return Array.isArray(value) ? 'list' : 'object';
}

/** MongoDB's order over JSON values: by type, then texts by their UTF-8 bytes, lists and objects part by part. */
export function compareValues(one: unknown, other: unknown): number {
  const kind = typeOf(one);
  const otherKind = typeOf(other);
  if (kind !== otherKind) return rank[kind] - rank[otherKind];
  switch (kind) {
    case 'null': return 0;
    case 'number':
    case 'boolean': return Number(one) - Number(other);
    case 'text': return compareTexts(one as string, other as string);
    case 'list': return compareLists(one as readonly unknown[], other as readonly unknown[]);
    default: return compareObjects(one as Readonly<Record<string, unknown>>, other as Readonly<Record<string, unknown>>);
  }
}

export const equalValues = (one: unknown, other: unknown): boolean => compareValues(one, other) === 0;

/** By code points, which is the order of the UTF-8 bytes and not that of JavaScript's UTF-16. */
function compareTexts(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const a = one.charCodeAt(at);
    const b = other.charCodeAt(at);
    if (a === b) continue;
    const aHigh = a >= 0xd800 && a <= 0xdfff;
    const bHigh = b >= 0xd800 && b <= 0xdfff;
    return aHigh === bHigh ? a - b : aHigh ? 1 : -1;
  }
  return one.length - other.length;
}

function compareLists(one: readonly unknown[], other: readonly unknown[]): number {
  for (let at = 0; at < one.length && at < other.length; at += 1) {
    const order = compareValues(one[at], other[at]);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/** Property by property in their order: the type of the value first, then the name, then the value. */
function compareObjects(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): number {
  const ours = Object.entries(one);
  const theirs = Object.entries(other);
  for (let at = 0; at < ours.length && at < theirs.length; at += 1) {
    const [name, value] = ours[at] ?? ['', null];
    const [otherName, otherValue] = theirs[at] ?? ['', null];
    const order = rank[typeOf(value)] - rank[typeOf(otherValue)] || compareTexts(name, otherName) || compareValues(value, otherValue);
    if (order !== 0) return order;
  }
  return ours.length - theirs.length;
}
