import { existsSync } from 'node:fs';
import { cacheDirectory, provideMongod, provideRabbitmq } from '@gleaner/standalone';
import { keptDirectory, localServers } from './startTestServers.ts';

// node test/support/keptServers.ts start|stop: the servers that GLEANER_TEST_SERVERS=keep uses.
const log = (line: string): void => { process.stdout.write(`${line}\n`); };
const command = process.argv[2];
if (command === 'start') {
  const { servers } = await localServers({ directory: keptDirectory(), log });
  log(JSON.stringify(servers));
} else if (command === 'stop') {
  if (existsSync(keptDirectory())) {
    // Adopting is how to end what another process started.
    const options = { directory: keptDirectory(), cache: cacheDirectory(), log };
    await (await provideMongod({ ...options, cacheGiB: 0.5 })).stop();
    await (await provideRabbitmq({ ...options, management: true })).stop();
  }
} else {
  log('usage: node test/support/keptServers.ts start|stop');
  process.exitCode = 2;
}
