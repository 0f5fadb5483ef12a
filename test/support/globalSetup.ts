import { startTestServers } from './startTestServers.ts';
import { announceTestServers } from './testServers.ts';

let stopServers: (() => Promise<void>) | undefined;

/** Starts, or finds, one RabbitMQ and one MongoDB for all test files of this run. */
export default async function globalSetup(): Promise<void> {
  const { servers, stop } = await startTestServers({ env: process.env, log: (line) => { process.stderr.write(`test servers: ${line}\n`); } });
  stopServers = stop;
  announceTestServers(servers);
}

/** What globalTeardown ends. */
export function startedServers(): (() => Promise<void>) | undefined {
  return stopServers;
}
