import type { Played } from './played.ts';
import { seededRandom } from './seededRandom.ts';

/** The answer around a manifest, as the real service has it; two of the recorded files kept only `Response`. */
const envelope = { ErrorCode: 1, ThrottleSeconds: 0, ErrorStatus: 'Success', Message: 'Ok', MessageData: {} };

/** One recorded manifest: its version, its text as it was recorded and what it holds. */
export interface RecordedManifest {
  readonly version: string;
  readonly text: string;
}

/**
 * The Destiny 2 manifest at a step: one release after another in the order of their versions. Recorded manifests are played as they are
 * (with the envelope put around the two that lost it); for the other releases of the recorded history the newest recorded one is taken,
 * with that release's version and seeded hashes in every path.
 */
export function manifestAt({ recorded, versions, seed, step }: {
  readonly recorded: readonly RecordedManifest[];
  readonly versions: readonly string[];
  readonly seed: number;
  readonly step: number;
}): Played {
  const releases = [...new Set([...recorded.map(({ version }) => version), ...versions])].sort((a, b) => buildOf(a) - buildOf(b) || (a < b ? -1 : 1));
  const place = step % releases.length;
  const version = releases[place];
  const template = recorded.at(-1);
  if (version === undefined || template === undefined) throw new RangeError('expected at least one recorded manifest; saw none');
  const known = recorded.find((manifest) => manifest.version === version);
  if (known) return { body: Buffer.from(withEnvelope(known.text)), origin: 'recorded' };
  return { body: Buffer.from(withEnvelope(reissued({ template, version, seed, place }))), origin: 'simulation' };
}

function withEnvelope(text: string): string {
  const manifest = JSON.parse(text) as Record<string, unknown>;
  return 'ErrorCode' in manifest ? text : JSON.stringify({ ...manifest, ...envelope });
}

/** The template's text with another version and other hashes; the same hash in the template stays one hash. */
function reissued({ template, version, seed, place }: { template: RecordedManifest; version: string; seed: number; place: number }): string {
  const hashes = new Map<string, string>();
  const hashOf = (old: string): string => {
    const known = hashes.get(old);
    if (known !== undefined) return known;
    let digit = 0;
    const made = old.replace(/[\da-f]/g, () => Math.floor(seededRandom(seed, 400, place, hashes.size, (digit += 1)) * 16).toString(16));
    hashes.set(old, made);
    return made;
  };
  return template.text
    .replaceAll(template.version, version)
    .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}|(?<=_)[\da-f]{32}(?=\.)/g, hashOf);
}

/** A version begins with its build number. */
const buildOf = (version: string): number => Number.parseInt(version, 10);
