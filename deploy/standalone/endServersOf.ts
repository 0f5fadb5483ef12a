import { stopGroup } from './processes.ts';
import { recordFileOf } from './recordFileOf.ts';
import { forgetServerGroups, readServerRecord } from './serverRecord.ts';

/** Ends at once, without a clean end, the servers that were started over `directory`: for data that nobody reads again. */
export async function endServersOf(directory: string): Promise<void> {
  for (const server of ['rabbitmq', 'mongod'] as const) {
    const file = recordFileOf(directory, server);
    for (const group of readServerRecord(file)?.groups.toReversed() ?? []) await stopGroup(group, { patience: 5_000, signal: 'SIGKILL' });
    forgetServerGroups(file);
  }
}
