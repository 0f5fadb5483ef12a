/** About how many bytes a value takes as JSON or BSON: cheap, and only roughly right. It decides when a page is full, and how much goes into one write. */
export function roughSize(value: unknown): number {
  if (typeof value === 'string') return value.length + 8;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 16;
  // Object.values would make a list of each; this is called for every change of every snapshot.
  for (const name in value) size += name.length + roughSize((value as Record<string, unknown>)[name]);
  return size;
}
