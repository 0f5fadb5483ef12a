import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aptInstall, canAptInstall } from './aptInstall.ts';
import { findOnPath, isExecutable } from './findOnPath.ts';
import type { FoundBinary } from './foundBinary.ts';
import { installedRabbitmq } from './installedRabbitmq.ts';
import { runCommand } from './runCommand.ts';

/** Finds `rabbitmq-server` on the machine, else installs its package where that is possible (root on Debian or Ubuntu). */
export async function findRabbitmq({ log, signal }: { log: (line: string) => void; signal?: AbortSignal | undefined }): Promise<FoundBinary> {
  const present = await installedRabbitmq();
  if ('file' in present) return present;
  if (!canAptInstall()) return { faults: [...present.faults, 'apt-get: not root on Debian or Ubuntu'] };
  log('installing the package rabbitmq-server');
  const fault = await aptInstall(['rabbitmq-server'], { signal });
  if (fault !== undefined) return { faults: [...present.faults, fault] };
  // The package enables a system service for the next boot; ours is a private node, so nobody asked for that one.
  if (existsSync('/run/systemd/system')) await runCommand('systemctl', ['disable', 'rabbitmq-server'], { timeout: 30_000 });
  const brought = await installedRabbitmq();
  return 'file' in brought ? brought : { faults: ['the package rabbitmq-server brought none that will do', ...brought.faults] };
}

/** The `epmd` that belongs to the Erlang of this RabbitMQ. */
export async function findEpmd(): Promise<string> {
  const onPath = findOnPath('epmd');
  if (onPath !== undefined) return onPath;
  const script = 'io:format("~s", [code:root_dir()]), halt().';
  const { code, output } = await runCommand('erl', ['-noshell', '-eval', script], { timeout: 20_000 });
  const candidates = code === 0 ? [join(output.trim(), 'bin', 'epmd')] : [];
  const erl = findOnPath('erl');
  if (erl !== undefined) candidates.push(join(dirname(erl), 'epmd'));
  const found = candidates.find(isExecutable);
  if (found === undefined) throw new Error('found rabbitmq-server but no epmd, which is part of Erlang: put Erlang\'s bin folder on the PATH');
  return found;
}
