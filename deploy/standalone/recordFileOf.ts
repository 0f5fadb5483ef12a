import { join } from 'node:path';

/** The pid file of a server whose data lies in `directory`. */
export function recordFileOf(directory: string, server: 'mongod' | 'rabbitmq' | 'launcher'): string {
  return join(directory, 'run', `${server}.json`);
}
