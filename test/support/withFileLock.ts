import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { processLives } from '@gleaner/standalone';

/** Runs `fn` while no other process of this machine holds the same lock file; a lock of a dead process is taken over. */
export async function withFileLock<T>(file: string, fn: () => Promise<T>): Promise<T> {
  while (!take(file)) await delay(100);
  try {
    return await fn();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (!processLives(holder(file))) rmSync(file, { force: true });
    return false;
  }
}

function holder(file: string): number {
  try {
    const text = readFileSync(file, 'utf8');
    // Empty between its making and its writing: taken by somebody who lives.
    return text === '' ? process.pid : Number(text);
  } catch {
    return process.pid; // released meanwhile: try again
  }
}
