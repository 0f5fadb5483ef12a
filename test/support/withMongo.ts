import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { testServers } from './testServers.ts';

export type TestMongo = { url: string; databaseName: string };

/** Runs `fn` with a database of its own on the shared MongoDB (`url` names it as its default), and drops it afterwards. */
export async function withMongo<T>(fn: (mongo: TestMongo) => T | Promise<T>): Promise<T> {
  const databaseName = `test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  const url = new URL(testServers().mongo);
  url.pathname = `/${databaseName}`;
  try {
    return await fn({ url: url.href, databaseName });
  } finally {
    const client = await MongoClient.connect(url.href);
    try {
      await client.db(databaseName).dropDatabase();
    } finally {
      await client.close();
    }
  }
}
