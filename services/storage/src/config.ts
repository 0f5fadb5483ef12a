import { integer, readEnv, serviceFields, type EnvSource } from '@gleaner/runtime';

/** What the storage service is told by its environment; every fault of it is reported at once. */
export const readConfig = (source?: EnvSource) => readEnv({
  ...serviceFields,
  /** Messages taken at once, at most 512 KiB each (or one item); most of them wait for the rest of their set. */
  concurrency: integer('STORAGE_CONCURRENCY', { min: 1, max: 256, default: 24 }),
  /** Item hashes kept in memory, about 200 bytes each; more are read again when needed. */
  cachedHashes: integer('STORAGE_CACHED_HASHES', { min: 0, max: 50_000_000, default: 500_000 }),
}, source);
