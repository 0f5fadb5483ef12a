const joins: ReadonlySet<string> = new Set(['$and', '$or', '$nor']);

/** A `where` over an item's data as a filter over documents that hold the data under `data`. Only for what `whereFaults` found nothing wrong with. */
export function dataFilter(where: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(where).flatMap(([name, operand]) => {
      if (name === '$comment') return [];
      if (joins.has(name)) return [[name, (operand as readonly Readonly<Record<string, unknown>>[]).map(dataFilter)]];
      // A plain value is compared as a value, whatever it looks like: an object is never read as operators here.
      return [[`data.${name}`, isOperators(operand) ? operand : { $eq: operand }]];
    }),
  );
}

const isOperators = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value)[0]?.startsWith('$') === true;
