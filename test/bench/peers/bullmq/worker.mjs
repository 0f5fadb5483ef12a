// BullMQ's side of the schedule rows: a worker that notes which scheduler's job came, and when. It also makes each scheduler's next job, as BullMQ's workers do.
// Environment: REDIS_PORT, BENCH_ARRIVALS (file). Prints `ready`; ends with its standard input.
import { createWriteStream } from 'node:fs';
import { Worker } from 'bullmq';

const arrivals = createWriteStream(process.env.BENCH_ARRIVALS, { flags: 'a' });
const worker = new Worker(
  'bench',
  async (job) => {
    arrivals.write(`${job.data.entry} ${performance.timeOrigin + performance.now()}\n`);
  },
  { connection: { host: '127.0.0.1', port: Number(process.env.REDIS_PORT) }, concurrency: 100, removeOnComplete: { count: 0 } },
);
worker.on('error', (error) => process.stderr.write(`${error.stack}\n`));
await worker.waitUntilReady();
process.stdout.write('ready\n');
process.stdin.resume().on('end', async () => {
  await worker.close(true);
  arrivals.end(() => process.exit(0));
});
