/** JSON of a value with -0 written as -0; slower than JSON.stringify, so only where there is one. */
export function jsonTextWithNegativeZero(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(jsonTextWithNegativeZero).join(',')}]`;
  const properties = Object.entries(value).filter(([, part]) => part !== undefined);
  return `{${properties.map(([name, part]) => `${JSON.stringify(name)}:${jsonTextWithNegativeZero(part)}`).join(',')}}`;
}
