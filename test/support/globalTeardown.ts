import { startedServers } from './globalSetup.ts';

/** Ends the servers that this run started; kept and given ones stay. */
export default async function globalTeardown(): Promise<void> {
  await startedServers()?.();
}
