import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { plain, withSpread } from '../core/statistics.ts';
import type { Bench, BenchRow } from '../parts/bench.ts';
import { processMemory } from '../parts/processMemory.ts';
import { withGleaner } from '../parts/withGleaner.ts';

const root = join(import.meta.dirname, '../../..');

/** Memory of the four services that have nothing to do, and how long `npm start` takes once everything is provisioned. */
export const idle: BenchRow = {
  name: 'idle',
  title: 'idle memory; npm start',
  run: async (bench) => {
    const memory = await withGleaner({ servers: bench.servers }, async ({ services }) => {
      await sleep(bench.pick(60_000, 3_000));
      return services.map(({ name, pid }) => ({ name, mebibytes: processMemory(pid).now })).sort((a, b) => (a.name < b.name ? -1 : 1));
    });
    const whole = memory.reduce((sum, { mebibytes }) => sum + mebibytes, 0);
    const folder = mkdtempSync(join(tmpdir(), 'gleaner-bench-start-'));
    try {
      await startOnce(bench, folder); // provisions: packages, servers, data
      const seconds: number[] = [];
      for (let round = 0; round < bench.pick(3, 1); round += 1) seconds.push((await startOnce(bench, folder)) / 1_000);
      return [
        { what: 'all four services idle, together', wanted: '≤ 450 MB', measured: `${plain(whole)} MiB: ${memory.map(({ name, mebibytes }) => `${name} ${plain(mebibytes)}`).join(', ')}`, beside: '', reached: whole * 1.048_576 <= 450, note: 'Resident memory after a minute without a job; pages that the four share are counted four times.' },
        { what: '`npm start` until ready, once provisioned', wanted: '≤ 10 s', measured: withSpread(seconds, 's'), beside: '', reached: Math.max(...seconds) <= 10, note: 'With the demo, on the data of the start before it.' },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** Starts as a user does, and stops in order; ms until the line that says it is ready. */
async function startOnce(bench: Bench, folder: string): Promise<number> {
  const began = performance.now();
  const child = spawn('npm', ['start'], { cwd: root, env: { ...process.env, DATA_DIR: folder, GATEWAY_PORT: '0', AMQP_URL: '', MONGO_URL: '' }, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const gone = once(child, 'exit');
  try {
    const lines = createInterface({ input: child.stdout });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => { if (line.startsWith('ready at http')) resolve(); });
      gone.then(([code]) => reject(new Error(`npm start ended with ${String(code)} before it was ready`)), reject);
    });
    const ms = performance.now() - began;
    bench.log(`npm start ready after ${plain(ms)} ms`);
    return ms;
  } finally {
    // The group that was started here, as Ctrl-C would reach it.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    await gone;
  }
}
