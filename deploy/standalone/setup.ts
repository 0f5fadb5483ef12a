import { topology } from '@gleaner/contracts';
import { connectBroker } from '@gleaner/broker';
import { connectDatabase, setupDatabase } from '@gleaner/database';
import { createLogger, optional, readEnv, serviceFields, string } from '@gleaner/runtime';
import { initiateReplicaSet } from './initiateReplicaSet.ts';
import { loadDemoJobs } from './loadDemoJobs.ts';

// One shot, repeatable: the replica set where MONGO_INITIATE ("name/host:port") asks for one, the database's shape, the
// broker's topology and, where PLAYBACK_URL says where the demo's upstream is, the sample jobs. What fails here fails the
// start, with its reason on stderr and exit code 1.
const env = readEnv({
  mongo: serviceFields.mongoUrl,
  amqp: serviceFields.amqpUrl,
  playback: optional(string('PLAYBACK_URL')),
  initiate: optional(string('MONGO_INITIATE', { pattern: /^[\w.-]+\/[^/\s]+:\d+$/ })),
});

if (env.initiate !== undefined) {
  const [name = '', member = ''] = env.initiate.split('/');
  // Past the set that MONGO_URL names: there is none yet, and the driver would wait for it.
  await initiateReplicaSet({ url: env.mongo.replace(/([?&])replicaSet=[^&]*&?/, '$1'), name, member });
}

const database = await connectDatabase({ url: env.mongo, appName: 'gleaner-setup' });
try {
  const applied = await setupDatabase({ database });
  for (const name of applied) process.stdout.write(`database: applied ${name}\n`);
  const broker = await connectBroker({ url: env.amqp, name: 'setup', log: createLogger({ service: 'setup', level: 'warn' }) });
  try {
    await broker.declare(topology);
  } finally {
    await broker.close();
  }
  if (env.playback !== undefined) {
    const loaded = await loadDemoJobs({ database, playback: env.playback });
    if (loaded.length > 0) process.stdout.write(`demo: jobs ${loaded.join(', ')}\n`);
  }
} finally {
  await database.close();
}
