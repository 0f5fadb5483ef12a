import {MongoClient, MongoServerError} from 'mongodb';
import {setTimeout as delay} from 'node:timers/promises';

// Server error codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
const NOT_YET_INITIALIZED = 94;
const ALREADY_INITIALIZED = 23;

type SetConfig = {_id: string; version: number; members: {host: string}[]};

/**
 * Makes the mongod at `url` a one-member replica set whose member is `member` ("host:port", as it reaches itself), and
 * waits until it is primary. A set that exists keeps its data; its member's address is brought up to date.
 */
export async function initiateReplicaSet({url, name, member, patience = 30_000}: {
  url: string; name: string; member: string; patience?: number;
}): Promise<void> {
  const client = await MongoClient.connect(url, {directConnection: true, serverSelectionTimeoutMS: 5_000});
  try {
    const admin = client.db('admin');
    const config = {_id: name, members: [{_id: 0, host: member}]};
    const present = await currentConfig(client);
    if (present === undefined) {
      await admin.command({replSetInitiate: config}).catch((error: unknown) => {
        if (!(error instanceof MongoServerError && error.code === ALREADY_INITIALIZED)) throw error;
      });
    } else if (present.host !== member) {
      await admin.command({replSetReconfig: {...config, _id: present.name, version: present.version + 1}, force: true});
    }
    const deadline = performance.now() + patience;
    while ((await admin.command({hello: 1}))['isWritablePrimary'] !== true) {
      if (performance.now() > deadline) throw new Error(`the replica set ${name} has no primary after ${patience / 1000} s`);
      await delay(20);
    }
  } finally {
    await client.close();
  }
}

async function currentConfig(client: MongoClient): Promise<{name: string; host: string; version: number} | undefined> {
  try {
    // Read as the document, because replSetGetConfig refuses while the set has no valid member yet.
    const row = await client.db('local').collection<SetConfig>('system.replset').findOne({}, {readPreference: 'nearest'});
    if (row === null) return undefined;
    return {name: row._id, host: row.members[0]?.host ?? '', version: row.version};
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NOT_YET_INITIALIZED) return undefined;
    throw error;
  }
}
