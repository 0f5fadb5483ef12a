import { duration, integer, readEnv, secret, string } from '@gleaner/runtime';
import type { EnvSource } from '@gleaner/runtime';

/** How the playback upstream runs; throws one error that names every bad variable. */
export const readConfig = (source?: EnvSource) =>
  readEnv(
    {
      host: string('PLAYBACK_HOST', { default: '127.0.0.1' }),
      /** 0 takes a free one; the printed line says which. */
      port: integer('PLAYBACK_PORT', { min: 0, max: 65_535, default: 0 }),
      apiKey: secret('PLAYBACK_API_KEY', { default: 'demo-key' }),
      /** The same seed plays the same answers. */
      seed: integer('PLAYBACK_SEED', { min: 0, max: 4_294_967_295, default: 1 }),
      /** How long an hour of the auction house lasts. */
      auctionStep: duration('PLAYBACK_AUCTION_STEP', { min: 100, default: 3_600_000 }),
      ratesStep: duration('PLAYBACK_RATES_STEP', { min: 100, default: 60_000 }),
      manifestStep: duration('PLAYBACK_MANIFEST_STEP', { min: 100, default: 600_000 }),
    },
    source,
  );
