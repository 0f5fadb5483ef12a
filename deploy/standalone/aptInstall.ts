import { existsSync, readFileSync } from 'node:fs';
import { findOnPath } from './findOnPath.ts';
import { forbidServiceStarts } from './forbidServiceStarts.ts';
import { lastLines, runCommand } from './runCommand.ts';

/** Whether packages can be installed here: root on Debian, Ubuntu or one of their kin. */
export function canAptInstall(): boolean {
  if (process.getuid?.() !== 0 || findOnPath('apt-get') === undefined || !existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/**
 * Installs the first of these packages that exists, without recommended ones and without starting any service
 * (a policy-rc.d says no for as long as it takes). Returns undefined, or what went wrong. Where `signal` is aborted,
 * apt-get ends as after Ctrl-C: at once while it downloads, after the step at hand while it unpacks.
 */
export async function aptInstall(alternatives: readonly string[], { signal }: { signal?: AbortSignal | undefined } = {}): Promise<string | undefined> {
  const allowAgain = forbidServiceStarts();
  try {
    // Package lists may be missing (containers) or stale; they are fetched only if the first try fails.
    const first = await installFirst(alternatives, signal);
    if (first === undefined || signal?.aborted === true) return first;
    const update = await runCommand('apt-get', ['update', '-qq'], { env: aptEnvironment(), signal, endBy: 'SIGINT' });
    if (update.code !== 0) return `apt-get update failed: ${lastLines(update.output, 3)}`;
    return await installFirst(alternatives, signal);
  } finally {
    allowAgain();
  }
}

async function installFirst(alternatives: readonly string[], signal: AbortSignal | undefined): Promise<string | undefined> {
  const faults: string[] = [];
  for (const name of alternatives) {
    const args = ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', name];
    const { code, output } = await runCommand('apt-get', args, { env: aptEnvironment(), signal, endBy: 'SIGINT' });
    if (code === 0) return undefined;
    faults.push(`apt-get install ${name} failed: ${lastLines(output, 3)}`);
  }
  return faults.join('; ');
}

function aptEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
}
