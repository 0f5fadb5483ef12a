// Taken once: millions of calls for one auction list, and looking a global up each time is slow inside a test runner's context.
const { cos, imul, log, max, min, sqrt, PI } = Math;

/** A number in [0, 1) that depends on nothing but the whole numbers given: the same ones give the same number, on every machine. */
export function seededRandom(...parts: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const part of parts) {
    hash = imul(hash ^ (part >>> 0), 0x85ebca6b);
    hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  hash = imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}

/** The same with a normal distribution: mean 0, deviation 1, never beyond ±6. */
export function seededGauss(...parts: readonly number[]): number {
  const radius = sqrt(-2 * log(1 - seededRandom(...parts, 1)));
  return max(-6, min(6, radius * cos(2 * PI * seededRandom(...parts, 2))));
}

/** One of the list, by the same rule. */
export function seededPick<T>(list: readonly T[], ...parts: readonly number[]): T {
  const chosen = list[Math.floor(seededRandom(...parts) * list.length)];
  if (chosen === undefined) throw new RangeError('expected a list with something to pick; saw an empty one');
  return chosen;
}

/**
 * The logarithm of a price that wanders: 0 on average, new at every step, nearly the same at neighbouring ones.
 * Any step can be asked for by itself, so a restart goes on where the last one was.
 */
export function seededWalk(seed: number, series: number, step: number): number {
  let height = 0;
  for (let octave = 0; octave < 12; octave += 1) height += 0.0004 * 2 ** (octave / 2) * seededGauss(seed, series, octave, Math.floor(step / 2 ** octave));
  return height;
}
