import { connectDatabase, type Database } from '@gleaner/database';
import { withReadyMongo } from './withReadyMongo.ts';

/** Runs `fn` with a database of its own on the shared MongoDB, set up and empty; closed afterwards. */
export const withDatabase = (fn: (database: Database) => Promise<void>): Promise<void> =>
  withReadyMongo(async ({ url, databaseName }) => {
    const database = await connectDatabase({ url, databaseName, appName: 'test' });
    try {
      await fn(database);
    } finally {
      await database.close();
    }
  });
