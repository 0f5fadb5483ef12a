import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isExecutable } from './findOnPath.ts';
import { runCommand } from './runCommand.ts';

/** The version of the RabbitMQ that this `rabbitmq-server` starts; undefined where it does not tell. */
export async function rabbitmqVersion(file: string): Promise<string | undefined> {
  const real = realpathSync(file);
  // Its folder says it at once; `rabbitmqctl` starts an Erlang machine for it, which takes a second.
  const named = /rabbitmq(?:_server-|\/)(\d+(?:\.\d+)+)\//.exec(real)?.[1];
  if (named !== undefined) return named;
  const control = join(dirname(real), 'rabbitmqctl');
  if (!isExecutable(control)) return undefined;
  const { code, output } = await runCommand(control, ['version'], { timeout: 20_000 });
  return code === 0 ? /^(\d+(?:\.\d+)+)/m.exec(output)?.[1] : undefined;
}
