/** A service for the life cycle's tests: acquires two things, prints what happens to them, and behaves as its first argument says. */
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger, createMetrics, runService, startHealthServer } from '../index.ts';

const behaviour = process.argv[2];
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const log = createLogger({ service: 'example', level: 'warn' });

await runService({
  name: 'example',
  log,
  shutdownMs: 3_000,
  start: async ({ onRelease, stopping }) => {
    onRelease('database', () => print('released database'));
    if (behaviour === 'bad-start') throw Object.assign(new Error('no database at mongodb://example'), { code: 'unreachable' });
    const health = await startHealthServer({ service: 'example', host: '127.0.0.1', port: 0, checks: {}, metrics: createMetrics() });
    onRelease('health', async () => {
      await health.close();
      print('released health');
    });
    stopping.addEventListener('abort', () => print('told to stop'));
    if (behaviour === 'stuck-release') onRelease('stuck', () => new Promise(() => undefined), { deadlineMs: 200 });
    if (behaviour === 'failing-release') onRelease('failing', () => Promise.reject(new Error('cannot let go')));
    if (behaviour === 'slow-release') {
      onRelease('slow', async () => {
        print('releasing');
        await delay(2_500);
      });
    }
    if (behaviour === 'uncaught') setTimeout(() => { throw new Error('nobody caught this'); }, 50);
    if (behaviour === 'unhandled') setTimeout(() => void Promise.reject(new Error('nobody handled this')), 50);
  },
});
