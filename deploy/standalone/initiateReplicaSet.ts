import { MongoClient, MongoServerError } from 'mongodb';
import { setTimeout as delay } from 'node:timers/promises';

// Server error codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
const ALREADY_INITIALIZED = 23;

/**
 * Makes the mongod at `url` a one-member replica set whose member is `member` ("host:port", as it reaches itself), and
 * waits until it is primary. A set that exists stays as it is.
 */
export async function initiateReplicaSet({ url, name, member, patience = 30_000 }: {
  url: string; name: string; member: string; patience?: number;
}): Promise<void> {
  const client = await MongoClient.connect(url, { directConnection: true, serverSelectionTimeoutMS: 5_000 });
  try {
    const admin = client.db('admin');
    await admin.command({ replSetInitiate: { _id: name, members: [{ _id: 0, host: member }] } }).catch((error: unknown) => {
      if (!(error instanceof MongoServerError && error.code === ALREADY_INITIALIZED)) throw error;
    });
    const deadline = performance.now() + patience;
    while ((await admin.command({ hello: 1 }))['isWritablePrimary'] !== true) {
      if (performance.now() > deadline) throw new Error(`the replica set ${name} has no primary after ${patience / 1000} s`);
      await delay(20);
    }
  } finally {
    await client.close();
  }
}
