import { initiateReplicaSet, lastLines, runCommand } from '@gleaner/standalone';
import { GenericContainer, Wait } from 'testcontainers';
import type { StartedTestContainer } from 'testcontainers';
import { dockerAnswers } from './dockerAnswers.ts';
import type { StartedTestServers } from './startTestServers.ts';

const START_PATIENCE_MS = 90_000;
const PULL_PATIENCE_MS = 180_000;

/**
 * One RabbitMQ and one MongoDB in containers, by Testcontainers; images from RABBITMQ_IMAGE and MONGO_IMAGE.
 * Undefined, and a line that says why, where Docker does not answer or an image cannot be had.
 */
export async function startContainers({ env, log }: { env: NodeJS.ProcessEnv; log: (line: string) => void }): Promise<StartedTestServers | undefined> {
  const images = { rabbitmq: env['RABBITMQ_IMAGE'] ?? 'rabbitmq:4.1-management', mongo: env['MONGO_IMAGE'] ?? 'mongo:8.0' };
  const fault = await dockerAnswers() ?? await provideImages(Object.values(images));
  if (fault !== undefined) {
    log(`NO CONTAINERS, taking local servers instead: ${fault}`);
    return undefined;
  }
  const started = performance.now();
  const [rabbitmq, mongo] = await Promise.allSettled([startRabbitmq(images.rabbitmq), startMongo(images.mongo)]);
  const stop = async (): Promise<void> => {
    for (const container of [rabbitmq, mongo]) if (container.status === 'fulfilled') await container.value.stop({ timeout: 0 });
  };
  if (rabbitmq.status === 'rejected' || mongo.status === 'rejected') {
    await stop();
    const why = [rabbitmq, mongo].flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    log(`CONTAINERS FAILED, taking local servers instead: ${why.join('; ')}`);
    return undefined;
  }
  const amqp = `${rabbitmq.value.getHost()}:${rabbitmq.value.getMappedPort(5672)}`;
  const management = `${rabbitmq.value.getHost()}:${rabbitmq.value.getMappedPort(15672)}`;
  log(`RabbitMQ and MongoDB in containers in ${Math.round(performance.now() - started)} ms`);
  return {
    servers: { amqp: `amqp://guest:guest@${amqp}`, management: `http://guest:guest@${management}`, mongo: mongoUrl(mongo.value) },
    stop,
  };
}

/** Pulls what is not there; says why where that fails: Testcontainers would try it too, but tell less. */
async function provideImages(images: readonly string[]): Promise<string | undefined> {
  const faults = await Promise.all(images.map(async (image) => {
    if ((await runCommand('docker', ['image', 'inspect', image], { timeout: 10_000 })).code === 0) return undefined;
    const pull = await runCommand('docker', ['pull', '--quiet', image], { timeout: PULL_PATIENCE_MS });
    return pull.code === 0 ? undefined : `docker pull ${image}: ${lastLines(pull.output, 1)}`;
  }));
  return faults.find((fault) => fault !== undefined);
}

async function startRabbitmq(image: string): Promise<StartedTestContainer> {
  return await new GenericContainer(image)
    .withEnvironment({ RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-rabbit quorum_tick_interval 200 -rabbit collect_statistics_interval 200' })
    .withExposedPorts(5672, 15672)
    .withWaitStrategy(Wait.forLogMessage(/Server startup complete/))
    .withStartupTimeout(START_PATIENCE_MS)
    .start();
}

async function startMongo(image: string): Promise<StartedTestContainer> {
  const container = await new GenericContainer(image)
    .withCommand(['--replSet', 'gleaner', '--bind_ip_all'])
    .withExposedPorts(27017)
    .withWaitStrategy(Wait.forLogMessage(/Waiting for connections/))
    .withStartupTimeout(START_PATIENCE_MS)
    .start();
  try {
    // Through the driver, because not every image has a mongosh in it.
    await initiateReplicaSet({ url: mongoUrl(container), name: 'gleaner', member: '127.0.0.1:27017' });
    return container;
  } catch (error) {
    await container.stop({ timeout: 0 });
    throw error;
  }
}

function mongoUrl(container: StartedTestContainer): string {
  return `mongodb://${container.getHost()}:${container.getMappedPort(27017)}/gleaner?directConnection=true`;
}
