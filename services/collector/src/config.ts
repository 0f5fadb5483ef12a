import { cidrs, duration, integer, readEnvAndSecrets, serviceFields, size } from '@gleaner/runtime';
import type { EnvSource } from '@gleaner/runtime';

const { amqpUrl, logLevel, healthHost, healthPort } = serviceFields;

/** Everything that a collector takes from its environment, frozen; throws one error that lists every fault. */
export function readConfig(source?: EnvSource) {
  const { values, secrets } = readEnvAndSecrets(
    {
      amqpUrl, logLevel, healthHost, healthPort,
      /** Runs at once. */
      concurrency: integer('COLLECTOR_CONCURRENCY', { min: 1, max: 256, default: 8 }),
      /** Decompressed bytes that all attempts together may hold; 4 to 6 times as much memory. */
      memoryBytes: size('COLLECTOR_MEMORY', { min: 1024 ** 2, max: 64 * 1024 ** 3, default: 64 * 1024 ** 2 }),
      /** Private networks that may be reached all the same. */
      allowNetworks: cidrs('ALLOW_NETWORKS', { default: [] }),
      /** How long runs under way may go on once the service is told to stop; then they go back to the queue. */
      stopMs: duration('COLLECTOR_STOP', { min: 0, max: 25_000, default: 20_000 }),
    },
    source,
  );
  return Object.freeze({ ...values, secrets });
}
export type Config = ReturnType<typeof readConfig>;
