import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Sees to it that servers whose data lie in `directory` end when this process does, even by kill -9 or Ctrl-C.
 * What it gives back ends them and removes the folder now.
 */
export function guardServers(directory: string): () => Promise<void> {
  const guard = spawn(process.execPath, [fileURLToPath(new URL('./endServers.ts', import.meta.url)), directory], {
    stdio: ['pipe', 'ignore', 'inherit'], detached: true, env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
  });
  const ended = new Promise<void>((resolve, reject) => {
    guard.once('error', reject);
    guard.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the servers in ${directory} were left behind: their guard ended with ${code}`));
    });
  });
  ended.catch(() => undefined); // told to who awaits the release
  guard.stdin.on('error', () => undefined); // it ended first: `ended` tells
  return async () => {
    guard.stdin.end();
    await ended;
  };
}
