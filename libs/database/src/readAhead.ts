import type { FindCursor } from 'mongodb';

/**
 * The documents of a cursor, a batch at a time; the next batch is asked for before the last one is given, so that the server works while the caller does.
 * Closes the cursor however the loop over it ends; rejects as the cursor does.
 */
export async function* readAhead<T>(cursor: FindCursor<T>): AsyncGenerator<readonly T[]> {
  try {
    let more = cursor.hasNext();
    while (await more) {
      const batch = cursor.readBufferedDocuments();
      more = cursor.hasNext();
      more.catch(() => undefined); // met when it is awaited, which may be never
      yield batch;
    }
  } finally {
    await cursor.close();
  }
}
