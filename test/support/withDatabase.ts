import { connectDatabase, setupDatabase, type Database } from '@gleaner/database';
import { withMongo } from './withMongo.ts';

/** Runs `fn` with a database of its own on the test's MongoDB, set up and empty; closed afterwards. */
export const withDatabase = (fn: (database: Database) => Promise<void>): Promise<void> =>
  withMongo(async ({ url, databaseName }) => {
    const database = await connectDatabase({ url, databaseName, appName: 'test' });
    try {
      await setupDatabase({ database });
      await fn(database);
    } finally {
      await database.close();
    }
  });
