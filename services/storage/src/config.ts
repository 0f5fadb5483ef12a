import { choice, integer, logLevels, readEnv, string, url, type EnvSource } from '@gleaner/runtime';

/** What the storage service is told by its environment; every fault of it is reported at once. */
export const readConfig = (source?: EnvSource) => readEnv({
  amqpUrl: url('AMQP_URL', { protocols: ['amqp:', 'amqps:'] }),
  mongoUrl: url('MONGO_URL', { protocols: ['mongodb:', 'mongodb+srv:'] }),
  logLevel: choice('LOG_LEVEL', logLevels, { default: 'info' }),
  healthHost: string('HEALTH_HOST', { default: '127.0.0.1' }),
  healthPort: integer('HEALTH_PORT', { min: 0, max: 65_535, default: 0 }),
  /** Messages taken at once, at most 512 KiB each (or one item); most of them wait for the rest of their set. */
  concurrency: integer('STORAGE_CONCURRENCY', { min: 1, max: 256, default: 24 }),
  /** Item hashes kept in memory, about 200 bytes each; more are read again when needed. */
  cachedHashes: integer('STORAGE_CACHED_HASHES', { min: 0, max: 50_000_000, default: 500_000 }),
}, source);
