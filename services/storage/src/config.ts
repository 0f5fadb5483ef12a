import { choice, integer, logLevels, readEnv, string, url, type EnvSource } from '@gleaner/runtime';

/** What the storage service is told by its environment; every fault of it is reported at once. */
export const readConfig = (source?: EnvSource) => readEnv({
  amqpUrl: url('AMQP_URL', { protocols: ['amqp:', 'amqps:'] }),
  mongoUrl: url('MONGO_URL', { protocols: ['mongodb:', 'mongodb+srv:'] }),
  logLevel: choice('LOG_LEVEL', logLevels, { default: 'info' }),
  healthHost: string('HEALTH_HOST', { default: '127.0.0.1' }),
  healthPort: integer('HEALTH_PORT', { min: 0, max: 65_535, default: 0 }),
  /** Messages handled at once. */
  concurrency: integer('STORAGE_CONCURRENCY', { min: 1, max: 64, default: 8 }),
  /** Item hashes kept in memory, about 200 bytes each; more are read again when needed. */
  cachedHashes: integer('STORAGE_CACHED_HASHES', { min: 0, max: 50_000_000, default: 500_000 }),
}, source);
