import { spawn } from 'node:child_process';

export type CommandResult = { code: number; output: string };

/**
 * Runs a command to its end and returns its exit code and what it printed (both streams, as they came).
 * A command that cannot be executed, or runs longer than `timeout` ms, has code -1 and says so in `output`; `signal` ends it by
 * `endBy`, and its code is whatever it makes of that.
 */
export async function runCommand(command: string, args: readonly string[], { env = process.env, timeout = 300_000, directory, signal, endBy = 'SIGTERM' }: {
  env?: NodeJS.ProcessEnv; timeout?: number; directory?: string; signal?: AbortSignal | undefined; endBy?: NodeJS.Signals;
} = {}): Promise<CommandResult> {
  return await new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...(directory === undefined ? {} : { cwd: directory }) });
    let output = '';
    const collect = (chunk: Buffer): void => { output += chunk.toString(); };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const timer = setTimeout(() => {
      output += `\n${command} took longer than ${timeout / 1000} s`;
      child.kill('SIGKILL');
    }, timeout);
    const giveUp = (): void => { child.kill(endBy); };
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener('abort', giveUp);
    const over = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    };
    child.once('error', (error) => {
      over();
      resolve({ code: -1, output: `cannot run ${command}: ${error.message}` });
    });
    child.once('close', (code) => {
      over();
      resolve({ code: code ?? -1, output });
    });
  });
}

/** The last lines of a text, for an error that quotes them. */
export function lastLines(text: string, count = 8): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
