// Adds BENCH_ENTRIES job schedulers: the i-th first due at BENCH_FIRST + i * BENCH_APART ms, then every BENCH_EVERY ms. Prints how long it took.
// Environment: REDIS_PORT and those.
import { Queue } from 'bullmq';

const [entries, first, apart, every] = ['ENTRIES', 'FIRST', 'APART', 'EVERY'].map((name) => Number(process.env[`BENCH_${name}`]));
const queue = new Queue('bench', { connection: { host: '127.0.0.1', port: Number(process.env.REDIS_PORT) } });
await queue.waitUntilReady();
const began = performance.now();
let next = 0;
await Promise.all(
  Array.from({ length: 100 }, async () => {
    for (let entry = next++; entry < entries; entry = next++) {
      await queue.upsertJobScheduler(`entry-${entry}`, { every, startDate: Math.round(first + entry * apart) }, { name: 'arrive', data: { entry }, opts: { removeOnComplete: true } });
    }
  }),
);
process.stdout.write(`${JSON.stringify({ ms: performance.now() - began })}\n`);
await queue.close();
process.exit(0);
