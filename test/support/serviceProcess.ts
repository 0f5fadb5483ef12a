import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './until.ts';

const top = join(import.meta.dirname, '../..');

export type ServiceName = 'scheduler' | 'collector' | 'storage' | 'gateway';

/** A service as its own process, with what it printed. */
export interface ServiceProcess {
  readonly name: ServiceName;
  readonly pid: number;
  readonly lines: readonly string[];
  /** Where it answers (the gateway) or tells its health (the others). */
  readonly url: string;
  readonly exited: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
  /** Ends it with the signal and resolves when it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a service as its main.ts and resolves when it says that it is ready; a service that ends before fails with its last words. */
export async function startService({ name, env, cwd = top }: { name: ServiceName; env: Readonly<Record<string, string>>; cwd?: string }): Promise<ServiceProcess> {
  const child: ChildProcess = spawn(process.execPath, [join(cwd, 'services', name, 'src/main.ts')], {
    cwd, env: { PATH: process.env['PATH'] ?? '', NODE_OPTIONS: '--disable-warning=ExperimentalWarning', LOG_LEVEL: 'debug', HEALTH_PORT: '0', NODE_COMPILE_CACHE: join(tmpdir(), 'gleaner-test-compile-cache'), GLEANER_PARENT_PIPE: '1', ...env }, stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', (line) => { lines.push(line); });
  let code: number | NodeJS.Signals | undefined;
  const exited = new Promise<number | NodeJS.Signals>((resolve) => child.once('exit', (exit, signal) => { code = exit ?? signal ?? 1; resolve(code); }));
  const ready = name === 'gateway' ? /^ready at (http:\S+)/ : /^\w+ ready, health at (http:\S+)/;
  const url = await until(() => {
    const line = lines.find((text) => ready.test(text));
    if (line === undefined && code !== undefined) return 'ended';
    return ready.exec(line ?? '')?.[1];
  }, { timeout: 30_000, what: `${name} being ready`, see: () => lines.slice(-30) });
  if (url === 'ended') throw new Error(`${name} ended with ${code} before it was ready:\n${lines.slice(-30).join('\n')}`);
  return {
    name, pid: child.pid ?? 0, lines, url, exited,
    signal: (signal) => { child.kill(signal); },
    end: async (signal = 'SIGTERM') => {
      if (code === undefined) child.kill(signal);
      await exited;
    },
  };
}
