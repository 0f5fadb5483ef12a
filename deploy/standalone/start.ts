import { resolve } from 'node:path';
import { createLogger, runService } from '@gleaner/runtime';
import { cacheDirectory } from './cacheDirectory.ts';
import { freePort, portTaken } from './freePort.ts';
import { readLauncherEnv } from './launcherEnv.ts';
import { takeLauncherLock } from './launcherLock.ts';
import { provideMongod } from './provideMongod.ts';
import { provideRabbitmq } from './provideRabbitmq.ts';
import { servicesEnv } from './servicesEnv.ts';
import { shortLogLine } from './shortLogLine.ts';
import { runSetup, startPlayback, startServices } from './startServices.ts';
import { untilDemoGathered } from './untilDemoGathered.ts';
import { untilReady } from './untilReady.ts';
import { watchServer } from './watchServer.ts';

const say = (line: string): void => { process.stdout.write(`${line}\n`); };
const log = createLogger({ service: 'start', destination: { write: (line) => {
  const short = shortLogLine(line);
  if (short !== undefined) say(short);
} } });
const READY_PATIENCE_MS = 60_000;

await runService({ name: 'gleaner', log, start: async ({ onRelease, stopping }) => {
  const options = readLauncherEnv();
  const directory = resolve(options.dataDirectory);
  onRelease('launcher lock', takeLauncherLock(directory));
  const gatewayPort = options.gatewayPort === 0 ? await freePort() : options.gatewayPort;
  if (await portTaken(gatewayPort)) {
    throw new Error(`GATEWAY_PORT: ${gatewayPort} of 127.0.0.1 is in use; set GATEWAY_PORT to another port, or to 0 for a free one`);
  }

  const provide = { directory, cache: cacheDirectory(), log: say, signal: stopping };
  // Each ends by itself what it has begun when it fails or is given up.
  const coming = Promise.allSettled([
    provideMongod({ ...provide, url: options.mongoUrl }).then((server) => watchServer({ name: 'mongod', server, say, again: async () => await provideMongod(provide) })),
    provideRabbitmq({ ...provide, url: options.amqpUrl }).then((server) => watchServer({ name: 'RabbitMQ', server, say, again: async () => await provideRabbitmq(provide) })),
  ]);
  // A server gets 15 s to end well, and a kill after that has to be waited for.
  onRelease('servers', async () => {
    await Promise.all((await coming).map(async (server) => { if (server.status === 'fulfilled') await server.value.stop(); }));
  }, { deadlineMs: 20_000 });
  const [mongod, rabbitmq] = await coming;
  stopping.throwIfAborted();
  if (mongod.status === 'rejected') throw mongod.reason;
  if (rabbitmq.status === 'rejected') throw rabbitmq.reason;
  say(`MongoDB: ${mongod.value.how}; RabbitMQ: ${rabbitmq.value.how}`);

  const env = servicesEnv({ given: process.env, mongoUrl: mongod.value.url, amqpUrl: rabbitmq.value.url, demo: options.demo, demoSecret: options.demoSecret });
  const playbackPort = await freePort(8_090);
  if (options.demo) {
    const playback = startPlayback({ port: playbackPort, env, directory, say });
    onRelease('playback', async () => { await playback.stop(2_000); });
    await untilReady({ services: [playback], patience: READY_PATIENCE_MS, signal: stopping });
  }
  await runSetup({ env: { ...env, ...(options.demo ? { PLAYBACK_URL: `http://127.0.0.1:${playbackPort}` } : {}) }, say, signal: stopping });

  const allowed = [options.allowNetworks, ...(options.demo ? [`127.0.0.1/32:${playbackPort}`] : [])].filter((network) => network !== undefined);
  const services = startServices({
    env, directory, say, collectors: options.collectors, gatewayPort,
    allowNetworks: allowed.length > 0 ? allowed.join(',') : undefined,
  });
  // Asking stops first, keeping stops last; the copies of a service stop together.
  for (const group of [['storage'], ['collector'], ['scheduler', 'gateway']]) {
    const members = services.filter(({ name }) => group.some((prefix) => name.startsWith(prefix)));
    onRelease(group.join(' and '), async () => { await Promise.all(members.map(async (service) => { await service.stop(6_000); })); });
  }
  await untilReady({ services, patience: READY_PATIENCE_MS, signal: stopping });
  if (options.demo) await untilDemoGathered({ url: mongod.value.url, signal: stopping });
  say(`ready at http://127.0.0.1:${gatewayPort}`);
} });
