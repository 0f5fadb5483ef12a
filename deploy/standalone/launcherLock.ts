import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from './hasCode.ts';
import { birthOf, processLives } from './processes.ts';
import { recordFileOf } from './recordFileOf.ts';

/**
 * Makes this process the only launcher over `directory`, and gives back how to stop being it.
 * Throws when another one lives; a file that a killed one left is taken over.
 */
export function takeLauncherLock(directory: string): () => void {
  const file = recordFileOf(directory, 'launcher');
  mkdirSync(dirname(file), { recursive: true });
  const own = JSON.stringify({ pid: process.pid, born: birthOf(process.pid) });
  for (;;) {
    try {
      writeFileSync(file, own, { flag: 'wx' });
      return () => { rmSync(file, { force: true }); };
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
      const pid = livingHolder(file);
      if (pid !== undefined) throw new Error(`Gleaner runs already over ${directory} (process ${pid}): stop it first, or set DATA_DIR to another folder`);
      rmSync(file, { force: true });
    }
  }
}

function livingHolder(file: string): number | undefined {
  try {
    const holder: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof holder !== 'object' || holder === null || !('pid' in holder) || !('born' in holder) || typeof holder.pid !== 'number') return undefined;
    return processLives(holder.pid) && birthOf(holder.pid) === holder.born ? holder.pid : undefined;
  } catch {
    return undefined; // unreadable, or gone meanwhile
  }
}
