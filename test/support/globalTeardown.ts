import { startedServers } from './globalSetup.ts';

/** Ends the servers that this run started; kept and given ones stay, without the databases of its tests. */
export default async function globalTeardown(): Promise<void> {
  await startedServers()?.();
}
