import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';

const PATIENCE_MS = 15_000;
const UNDER_WAY = ['due', 'queued', 'running'];

/**
 * Waits until the first runs of the sample jobs have ended, so that there is something to read once the address is
 * printed. After 15 s it goes on without: a slow sample is no reason not to be ready.
 */
export async function untilDemoGathered({ url, signal }: { url: string; signal: AbortSignal }): Promise<void> {
  const client = await MongoClient.connect(url);
  try {
    const runs = client.db().collection('runs');
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline && await runs.countDocuments({ requestedBy: 'demo', state: { $in: UNDER_WAY } }) > 0) {
      await delay(50, undefined, { signal });
    }
  } finally {
    await client.close();
  }
}
