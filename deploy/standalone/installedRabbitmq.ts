import { findOnPath, isExecutable } from './findOnPath.ts';
import type { FoundBinary } from './foundBinary.ts';
import { isOlder } from './isOlder.ts';
import { rabbitmqVersion } from './rabbitmqVersion.ts';

/** What the queues' settings need. */
const LEAST = '3.10';
// Debian's /usr/sbin/rabbitmq-server is a wrapper that becomes another user; this one runs as it is called.
const DEBIAN_SCRIPT = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** The first `rabbitmq-server` on this machine that is new enough, Debian's before the PATH's; one that does not tell its version is taken to be. */
export async function installedRabbitmq({ debianScript = DEBIAN_SCRIPT }: { debianScript?: string } = {}): Promise<FoundBinary> {
  const onPath = findOnPath('rabbitmq-server');
  const files = isExecutable(debianScript) ? [debianScript] : [];
  if (onPath !== undefined) files.push(onPath);
  if (files.length === 0) return { faults: ['no rabbitmq-server on the PATH'] };
  const faults: string[] = [];
  for (const file of files) {
    const version = await rabbitmqVersion(file);
    if (version === undefined || !isOlder(version, LEAST)) return { file };
    faults.push(`${file} is RabbitMQ ${version}, and ${LEAST} or newer is needed`);
  }
  return { faults };
}
