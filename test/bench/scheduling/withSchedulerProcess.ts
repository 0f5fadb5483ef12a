import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface SchedulerProcess {
  readonly pid: number;
  /** ms from the start of the process until it said that it had taken over. */
  readonly tookOverMs: number;
  /** What the process itself says of the take-over, ms. */
  readonly loadMs: number;
}

/** Runs `fn` beside a scheduler in a process of its own, which has taken over by then. */
export async function withSchedulerProcess<T>({ amqpUrl, mongoUrl, variables = {} }: { readonly amqpUrl: string; readonly mongoUrl: string; readonly variables?: Readonly<Record<string, string>> }, fn: (scheduler: SchedulerProcess) => Promise<T>): Promise<T> {
  const began = performance.now();
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../../services/scheduler/src/main.ts')], {
    env: { PATH: process.env['PATH'], AMQP_URL: amqpUrl, MONGO_URL: mongoUrl, LOG_LEVEL: process.env['BENCH_LOG'] ?? 'info', ORIGIN_CONCURRENCY: '1000', GLEANER_PARENT_PIPE: '1', ...variables }, stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout });
    const loadMs = await new Promise<number>((resolve, reject) => {
      lines.on('line', (line) => {
        const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string; tookMs?: number; level?: unknown }) : {};
        if (entry.msg === 'took over') resolve(entry.tookMs ?? 0);
        else if (process.env['BENCH_LOG'] || entry.level === 50 || entry.level === 'error') process.stderr.write(`${line}\n`);
      });
      child.once('exit', (code) => { reject(new Error(`expected a scheduler that runs; it exited with ${code}`)); });
    });
    return await fn({ pid: child.pid ?? 0, tookOverMs: performance.now() - began, loadMs });
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
}
