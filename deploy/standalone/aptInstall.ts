import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { findOnPath } from './findOnPath.ts';
import { lastLines, runCommand } from './runCommand.ts';

const POLICY = '/usr/sbin/policy-rc.d';

/** Whether packages can be installed here: root on Debian, Ubuntu or one of their kin. */
export function canAptInstall(): boolean {
  if (process.getuid?.() !== 0 || findOnPath('apt-get') === undefined || !existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/**
 * Installs the first of these packages that exists, without recommended ones and without starting any service
 * (a policy-rc.d says no for as long as it takes). Returns undefined, or what went wrong.
 */
export async function aptInstall(alternatives: readonly string[]): Promise<string | undefined> {
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    // Package lists may be missing (containers) or stale; they are fetched only if the first try fails.
    const first = await installFirst(alternatives);
    if (first === undefined) return undefined;
    const update = await runCommand('apt-get', ['update', '-qq'], { env: aptEnvironment() });
    if (update.code !== 0) return `apt-get update failed: ${lastLines(update.output, 3)}`;
    return await installFirst(alternatives);
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true });
  }
}

async function installFirst(alternatives: readonly string[]): Promise<string | undefined> {
  const faults: string[] = [];
  for (const name of alternatives) {
    const args = ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', name];
    const { code, output } = await runCommand('apt-get', args, { env: aptEnvironment() });
    if (code === 0) return undefined;
    faults.push(`apt-get install ${name} failed: ${lastLines(output, 3)}`);
  }
  return faults.join('; ');
}

function aptEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
}
