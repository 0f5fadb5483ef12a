import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hasCode } from './hasCode.ts';

const POLICY = '/usr/sbin/policy-rc.d';
/** By this a policy is known as ours: one that a killed run left is taken away, anybody else's is left alone. */
const MARK = '# by gleaner, for as long as it installs a package';

const holders = new Map<string, number>();

/**
 * Has packages start no service when they are installed, until the returned function is called or the process exits
 * (not where it is killed: then the next call's end takes the file away). A policy that somebody else has made stands as it is.
 */
export function forbidServiceStarts(file = POLICY): () => void {
  const held = holders.get(file) ?? 0;
  if (held === 0 && !write(file)) return () => undefined;
  holders.set(file, held + 1);
  const remove = (): void => { rmSync(file, { force: true }); };
  // A second signal, or a deadline, ends the process without any `finally`.
  process.once('exit', remove);
  return () => {
    process.off('exit', remove);
    const left = (holders.get(file) ?? 1) - 1;
    holders.set(file, left);
    if (left === 0) remove();
  };
}

/** Whether the policy there is ours now. */
function write(file: string): boolean {
  const text = `#!/bin/sh\n${MARK}\nexit 101\n`;
  try {
    writeFileSync(file, text, { mode: 0o755, flag: 'wx' });
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    return readFileSync(file, 'utf8').includes(MARK);
  }
}
