import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { connectDatabase, setupDatabase } from '@gleaner/database';
import { testServers } from './testServers.ts';
import type { TestMongo } from './withMongo.ts';

/** A database that a test has left, and when. What it holds is still there. */
interface LeftDatabase {
  readonly _id: string;
  readonly at: Date;
}

const pool = 'test_pool';
/** A process that was ended with its test may have a write under way still: no test takes a database before it was left alone for so long. */
const restMs = 2_000;
/** Deleting more documents than this takes longer than a new database. */
const mostDocuments = 5_000;

/**
 * Runs `fn` with a database that is set up and empty, on the shared MongoDB. It is one that a test before has left, where there is one:
 * to empty one takes 25 ms; to set up and drop one (22 collections, 60 indexes) takes 530 ms. After a failure it is dropped.
 */
export async function withReadyMongo<T>(fn: (mongo: TestMongo) => T | Promise<T>): Promise<T> {
  const client = await MongoClient.connect(testServers().mongo);
  try {
    const left = client.db(pool).collection<LeftDatabase>('left');
    const databaseName = await takeDatabase(client) ?? await newDatabase();
    try {
      const result = await fn({ url: urlOf(databaseName), databaseName });
      await left.insertOne({ _id: databaseName, at: new Date() });
      return result;
    } catch (error) {
      await client.db(databaseName).dropDatabase();
      throw error;
    }
  } finally {
    await client.close();
  }
}

/** Drops what the tests have left: servers may stay up after them. */
export async function dropLeftDatabases(url: string): Promise<void> {
  const client = await MongoClient.connect(url);
  try {
    for (const { _id } of await client.db(pool).collection<LeftDatabase>('left').find().toArray()) await client.db(_id).dropDatabase();
    await client.db(pool).dropDatabase();
  } finally {
    await client.close();
  }
}

function urlOf(databaseName: string): string {
  const url = new URL(testServers().mongo);
  url.pathname = `/${databaseName}`;
  return url.href;
}

/** The one left longest ago, emptied; undefined where there is none that is worth it. */
async function takeDatabase(client: MongoClient): Promise<string | undefined> {
  const left = await client.db(pool).collection<LeftDatabase>('left').findOneAndDelete({ at: { $lt: new Date(Date.now() - restMs) } }, { sort: { at: 1 } });
  if (!left) return undefined;
  const db = client.db(left._id);
  const collections = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => db.collection<{ _id: string }>(name)).filter(({ collectionName }) => !collectionName.startsWith('system.'));
  const counts = await Promise.all(collections.map((collection) => collection.estimatedDocumentCount()));
  if (counts.some((count) => count > mostDocuments)) {
    await db.dropDatabase();
    return undefined;
  }
  await Promise.all(collections.filter((_, index) => counts[index] !== 0).map((collection) => collection.deleteMany(collection.collectionName === 'meta' ? { _id: { $ne: 'schema' } } : {})));
  return left._id;
}

async function newDatabase(): Promise<string> {
  const databaseName = `test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  const database = await connectDatabase({ url: urlOf(databaseName), databaseName, appName: 'test' });
  try {
    await setupDatabase({ database });
  } finally {
    await database.close();
  }
  return databaseName;
}
