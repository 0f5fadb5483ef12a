/** The delay of one fire, 0 to `jitter` ms inclusive: the same for everyone who computes it, spread evenly over jobs and fires. */
export function jitterOf({ jobId, at, jitter }: { readonly jobId: string; readonly at: number; readonly jitter: number }): number {
  if (jitter <= 0) return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < jobId.length; index += 1) hash = Math.imul(hash ^ jobId.charCodeAt(index), 0x01000193);
  hash = mix(hash ^ Math.floor(at / 0x1_0000_0000));
  hash = mix(hash ^ at % 0x1_0000_0000);
  return Math.floor(((hash >>> 0) / 0x1_0000_0000) * (jitter + 1));
}

/** murmur3's finisher: neighbouring moments get unrelated delays. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
