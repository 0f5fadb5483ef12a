import { createLogger, localClock, runService } from '@gleaner/runtime';
import { readConfig } from './config.ts';
import { makeFeeds } from './feeds.ts';
import { startPlayback } from './startPlayback.ts';

const log = createLogger({ service: 'playback', level: 'warn' });

await runService({
  name: 'playback',
  log,
  start: async (life) => {
    const { host, port, apiKey, seed, auctionStep, ratesStep, manifestStep } = readConfig();
    const feeds = makeFeeds({ seed, steps: { auctions: auctionStep, rates: ratesStep, manifest: manifestStep } });
    const playback = await startPlayback({ feeds, host, port, apiKey, now: localClock.now });
    life.onRelease('http server', playback.close);
    process.stdout.write(`playback at ${playback.url}\n`);
  },
});
