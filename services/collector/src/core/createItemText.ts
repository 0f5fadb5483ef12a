/** An item's data as text, in two ways. */
export interface ItemText {
  /** JSON of the data, its properties in their order. */
  readonly json: string;
  /** JSON with the properties of every object in one order: equal for equal data, so it is what is hashed. */
  readonly canonical: string;
}

/**
 * Makes the function that writes an item's data; both texts keep -0, which JSON.stringify would write as 0. `given` is JSON at hand that holds for the data.
 * Flat data, as most is, goes through JSON.stringify, which nothing written here outruns; how its names sort is remembered from item to item.
 */
export function createItemText(): (data: Readonly<Record<string, unknown>>, given?: string) => ItemText {
  let names: readonly string[] = [];
  let sorted: readonly string[] = [];
  let inOrder = true;

  const learn = (next: readonly string[]): void => {
    names = next;
    sorted = next.toSorted();
    inOrder = sorted.every((name, at) => name === next[at]);
  };

  return (data, given) => {
    const found = Object.keys(data);
    let known = found.length === names.length;
    let plain = true;
    for (let at = 0; at < found.length; at += 1) {
      const name = found[at] ?? '';
      known &&= name === names[at];
      plain &&= isPlain(data[name]) && name !== '__proto__';
    }
    if (!plain) return { canonical: sortedJson(data), json: given ?? jsonOf(data) };
    if (!known) learn(found);
    const json = given ?? JSON.stringify(data);
    if (inOrder) return { canonical: given === undefined ? json : JSON.stringify(data), json };
    const copy: Record<string, unknown> = {};
    for (const name of sorted) copy[name] = data[name];
    return { canonical: JSON.stringify(copy), json };
  };
}

/** True for what JSON.stringify writes exactly, and in one way only. */
const isPlain = (value: unknown): boolean => (typeof value === 'object' ? value === null : value !== 0 || 1 / value > 0);

/** JSON of a value, the names of each object sorted. */
function sortedJson(value: unknown): string {
  switch (typeof value) {
    case 'string': return quoted(value);
    case 'number': return value === 0 && 1 / value < 0 ? '-0' : String(value);
    case 'boolean': return value ? 'true' : 'false';
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
      const data = value as Readonly<Record<string, unknown>>;
      return `{${Object.keys(data).sort().filter((name) => data[name] !== undefined).map((name) => `${quoted(name)}:${sortedJson(data[name])}`).join(',')}}`;
    }
    default: return 'null';
  }
}

/** JSON of a value in the order of its properties. */
function jsonOf(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`;
  const properties = Object.entries(value).filter(([, part]) => part !== undefined);
  return `{${properties.map(([name, part]) => `${quoted(name)}:${jsonOf(part)}`).join(',')}}`;
}

/** What JSON cannot hold as it stands; most texts have none of it, and asking is cheaper than escaping. */
const special = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;
const quoted = (text: string): string => (special.test(text) ? JSON.stringify(text) : `"${text}"`);
