import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aptInstall, canAptInstall } from './aptInstall.ts';
import { findOnPath, isExecutable } from './findOnPath.ts';
import { isOlder } from './isOlder.ts';
import { rabbitmqVersion } from './rabbitmqVersion.ts';
import { runCommand } from './runCommand.ts';

/** A RabbitMQ to run, or why each way to one failed. */
export type FoundBinary = { file: string } | { faults: string[] };

/** What the queues' settings need. */
const LEAST = '3.10';
// Debian's /usr/sbin/rabbitmq-server is a wrapper that becomes another user; this one runs as it is called.
const DEBIAN_SCRIPT = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** Finds `rabbitmq-server` on the machine, else installs its package where that is possible (root on Debian or Ubuntu). */
export async function findRabbitmq({ log, signal }: { log: (line: string) => void; signal?: AbortSignal | undefined }): Promise<FoundBinary> {
  const present = await installed();
  if ('file' in present) return present;
  if (!canAptInstall()) return { faults: [...present.faults, 'apt-get: not root on Debian or Ubuntu'] };
  log('installing the package rabbitmq-server');
  const fault = await aptInstall(['rabbitmq-server'], { signal });
  if (fault !== undefined) return { faults: [...present.faults, fault] };
  // The package enables a system service for the next boot; ours is a private node, so nobody asked for that one.
  if (existsSync('/run/systemd/system')) await runCommand('systemctl', ['disable', 'rabbitmq-server'], { timeout: 30_000 });
  const brought = await installed();
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

/** The first that is new enough. */
async function installed(): Promise<FoundBinary> {
  const files = [...(isExecutable(DEBIAN_SCRIPT) ? [DEBIAN_SCRIPT] : []), ...[findOnPath('rabbitmq-server') ?? []].flat()];
  const faults: string[] = [];
  for (const file of files) {
    const version = await rabbitmqVersion(file);
    if (version === undefined || !isOlder(version, LEAST)) return { file };
    faults.push(`${file} is RabbitMQ ${version}, and ${LEAST} or newer is needed`);
  }
  return { faults: faults.length > 0 ? faults : ['no rabbitmq-server on the PATH'] };
}
