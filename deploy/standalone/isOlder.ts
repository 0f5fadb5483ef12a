/** Whether a version such as `3.9.13` is older than one such as `3.10`; parts that are missing count as 0. */
export function isOlder(version: string, least: string): boolean {
  const [have, need] = [version, least].map((text) => text.split('.').map(Number));
  for (let part = 0; part < Math.max(have?.length ?? 0, need?.length ?? 0); part += 1) {
    const difference = (have?.[part] ?? 0) - (need?.[part] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
