import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** Spawns a peer with a pipe to its standard input, and takes it along when the bench exits in whatever order: peers do not watch for it. */
export function spawnPeer(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options);
  living.add(child);
  child.once('exit', () => living.delete(child));
  return child;
}
